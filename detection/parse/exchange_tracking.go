package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "exchange.messagetracking",
		Summary: "Microsoft Exchange message tracking log, CSV under its #Fields line",
		Parse:   parseTracking,
		Header:  isExchangeHeader,
	})
}

// trackingColumns are those of Exchange 2016 and 2019, in their order.
const trackingColumns = "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id," +
	"source,event-id,internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes," +
	"recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info," +
	"directionality,tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"

var (
	exchangeEventID  = event.Intern("exchange.event_id")
	exchangeSource   = event.Intern("exchange.source")
	exchangeInfo     = event.Intern("exchange.message_info")
	exchangeServerIP = event.Intern("exchange.original_server_ip")
)

var trackingLog = exchangeLog{
	columns: trackingColumns,
	known: exchangeColumns(
		exchangeColumn{name: "date-time", read: (*exchangeLine).readTime},
		exchangeColumn{name: "client-ip", read: func(l *exchangeLine, v string) { addSource(l.e, v) }},
		exchangeColumn{name: "client-hostname", read: func(l *exchangeLine, v string) { l.client = v }},
		exchangeColumn{name: "server-ip", read: func(l *exchangeLine, v string) { l.serverIP = v }},
		exchangeColumn{name: "server-hostname", read: func(l *exchangeLine, v string) { l.server = v }},
		exchangeColumn{name: "source", key: exchangeSource},
		exchangeColumn{name: "event-id", read: (*exchangeLine).readEventID},
		exchangeColumn{name: "internal-message-id", read: func(l *exchangeLine, v string) { l.e.AddText(event.EmailLocalID, v) }},
		exchangeColumn{name: "message-id", read: func(l *exchangeLine, v string) { l.e.AddText(event.EmailMessageID, trimAngles(v)) }},
		exchangeColumn{name: "recipient-address", read: (*exchangeLine).readRecipients},
		exchangeColumn{name: "message-subject", key: event.EmailSubject},
		exchangeColumn{name: "sender-address", read: func(l *exchangeLine, v string) { l.e.AddText(event.EmailFrom, trimAngles(v)) }},
		exchangeColumn{name: "message-info", read: (*exchangeLine).readInfo},
		exchangeColumn{name: "directionality", read: (*exchangeLine).readDirection},
		exchangeColumn{name: "original-client-ip", read: (*exchangeLine).readOriginalClient},
		exchangeColumn{name: "original-server-ip", key: exchangeServerIP},
		exchangeColumn{name: "schema-version", read: func(*exchangeLine, string) {}},
	),
}

// exchangeColumns indexes columns by their names in lower case.
func exchangeColumns(list ...exchangeColumn) map[string]exchangeColumn {
	m := map[string]exchangeColumn{}
	for _, c := range list {
		m[strings.ToLower(c.name)] = c
	}
	return m
}

// parseTracking reads one record. The sender, the recipients and the subject are
// the mail's own claims.
func parseTracking(raw []byte, c *Context, e *event.Event) error {
	l := exchangeLine{e: e, c: c}
	e.AddText(event.EventKind, "event")
	e.AddText(event.EventCategory, "email")
	e.AddText(event.EventType, "info")
	err := trackingLog.read(raw, &l)
	if err != nil && e.Time == 0 {
		addMissing(e, event.Message, event.View(raw))
	}
	if l.started > 0 && l.time >= l.started {
		e.AddInt(event.EventDuration, l.time-l.started)
	}
	e.AddText(event.SourceDomain, l.client)
	e.AddText(event.RelatedHosts, l.client)
	e.AddText(event.DestinationName, l.server)
	e.AddText(event.RelatedHosts, l.server)
	l.setServer()
	// The server that wrote the log is the one that sends, else the one that
	// receives; what it does by itself has a client only.
	host := l.server
	if host == "" || strings.HasPrefix(e.Get(exchangeEventID).Text(), "SEND") {
		host = l.client
	}
	e.AddText(event.HostName, host)
	return err
}

// trackingActions names events as the Exchange documentation explains them.
var trackingActions = map[string]struct{ action, outcome string }{
	"RECEIVE":          {"mail_received", "success"},
	"SUBMIT":           {"mail_submitted", "success"},
	"SEND":             {"mail_sent", "success"},
	"SENDEXTERNAL":     {"mail_sent", "success"},
	"DELIVER":          {"mail_delivered", "success"},
	"DUPLICATEDELIVER": {"mail_duplicate", "success"},
	"FAIL":             {"mail_failed", "failure"},
	"SUBMITFAIL":       {"mail_failed", "failure"},
	"DELIVERFAIL":      {"mail_failed", "failure"},
	"BADMAIL":          {"mail_bad", "failure"},
	"POISONMESSAGE":    {"mail_poison", "failure"},
	"DEFER":            {"mail_deferred", "failure"},
	"SUBMITDEFER":      {"mail_deferred", "failure"},
	"DROP":             {"mail_dropped", "failure"},
	"SUPPRESSED":       {"mail_suppressed", "failure"},
	"THROTTLE":         {"mail_throttled", "failure"},
	"DSN":              {"mail_notification", "success"},
	"EXPAND":           {"mail_expanded", "success"},
	"RESOLVE":          {"mail_resolved", "success"},
	"REDIRECT":         {"mail_redirected", "success"},
	"TRANSFER":         {"mail_forked", "success"},
	"AGENTINFO":        {"mail_agent", "success"},
	"HAREDIRECT":       {"mail_shadow", "success"},
	"HARECEIVE":        {"mail_shadow", "success"},
	"HADISCARD":        {"mail_shadow_discarded", "success"},
	"RESUBMIT":         {"mail_resubmitted", "success"},
}

func (l *exchangeLine) readEventID(v string) {
	l.e.AddText(exchangeEventID, v)
	if a, ok := trackingActions[v]; ok {
		l.e.AddText(event.EventAction, a.action)
		l.e.AddText(event.EventOutcome, a.outcome)
	}
}

// maxRecipients bounds the recipients of one event.
const maxRecipients = 500

func (l *exchangeLine) readRecipients(v string) {
	for n := 0; v != ""; n++ {
		if n == maxRecipients {
			l.tooMany = true
			return
		}
		var one string
		one, v, _ = strings.Cut(v, ";")
		l.e.AddText(event.EmailTo, trimAngles(strings.TrimSpace(one)))
	}
}

// readInfo reads "TIME[;LATENCIES]": when the mail came into the organisation.
func (l *exchangeLine) readInfo(v string) {
	l.e.AddText(exchangeInfo, v)
	if ns, end := isoTime(v, nil); end > 0 && (end == len(v) || v[end] == ';') {
		l.started = ns
		l.e.Add(event.EventStart, event.Time(ns))
	}
}

func (l *exchangeLine) readDirection(v string) {
	switch v {
	case "Originating":
		l.e.AddText(event.EmailDirection, "outbound")
	case "Incoming":
		l.e.AddText(event.EmailDirection, "inbound")
	default:
		l.e.AddText(event.EmailDirection, strings.ToLower(v))
	}
}

func (l *exchangeLine) readOriginalClient(v string) {
	if a, ok := event.ParseIP(v); ok {
		l.e.AddAddr(event.ClientIP, a)
		l.relate(v)
		return
	}
	l.e.AddText(event.ClientAddress, v)
}

func trimAngles(s string) string {
	if len(s) > 1 && s[0] == '<' && s[len(s)-1] == '>' {
		return s[1 : len(s)-1]
	}
	return s
}
