package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// message takes one matched rule: an object, or in the legacy shape the line of
// the error log.
func (r *auditReader) message(t jsonscan.Token) error {
	if t.Kind == jsonscan.String {
		r.matchText(tokenText(t, r.e))
		return nil
	}
	r.match, r.errorLine = ruleMatch{}, jsonscan.Token{}
	if err := r.inside(t, (*auditReader).messageMember); err != nil {
		return err
	}
	if r.match.id == "" && r.errorLine.Kind == jsonscan.String { // all there is without part K
		r.matchText(tokenText(r.errorLine, r.e))
		return nil
	}
	if r.match.id != "" && r.match.id != "0" {
		r.waf.add(r.e, &r.match)
	}
	return nil
}

func (r *auditReader) messageMember(key string, t jsonscan.Token) error {
	switch key {
	case "data", "details":
		return r.inside(t, (*auditReader).detail)
	case "message":
		s, err := r.text(t)
		if r.match.msg == "" {
			r.match.msg = s
		}
		return err
	case "error_message":
		r.errorLine = t
	}
	return r.scan.Skip(t)
}

// detail takes a member of a rule's details: data in Coraza, details in
// ModSecurity.
func (r *auditReader) detail(key string, t jsonscan.Token) error {
	m := &r.match
	if key == "tags" {
		return r.each(t, (*auditReader).tag)
	}
	if key == "raw" { // the text of the rule
		return r.scan.Skip(t)
	}
	s, err := r.text(t)
	if err != nil {
		return err
	}
	switch key {
	case "id", "ruleId":
		m.id = s
	case "file":
		m.file = s
	case "msg":
		if s != "" {
			m.msg = s
		}
	case "data":
		m.data = s
	case "severity":
		m.severity = s
	case "ver":
		m.version = s
	case "match":
		m.readMatch(s)
	}
	return nil
}

// tag takes the class of attack from the tags of a rule.
func (r *auditReader) tag(t jsonscan.Token) error {
	s, err := r.text(t)
	if r.match.category == "" && strings.HasPrefix(s, "attack-") {
		r.match.category = s
	}
	return err
}

// matchText takes a match from a line of the error log. Coraza's legacy shape
// has nothing but the message of the rule.
func (r *auditReader) matchText(s string) {
	m, ok := parseRuleText(r.e, s)
	r.waf.denied = r.waf.denied || m.denied
	if !ok {
		m.ruleMatch = ruleMatch{msg: s}
	}
	r.waf.add(r.e, &m.ruleMatch)
}

// auditData takes part H of the legacy shape.
func (r *auditReader) auditData(key string, t jsonscan.Token) error {
	switch key {
	case "messages":
		return r.each(t, (*auditReader).message)
	case "producer":
		if t.Kind == jsonscan.Array {
			return r.each(t, (*auditReader).component)
		}
		return r.component(t)
	case "action":
		return r.inside(t, (*auditReader).action)
	case "engine_mode":
		s, err := r.text(t)
		r.takeMode(s)
		return err
	case "stopwatch":
		return r.inside(t, (*auditReader).stopwatch)
	}
	return r.scan.Skip(t)
}

// stopwatch tells Coraza, which begins the names with capitals.
func (r *auditReader) stopwatch(key string, t jsonscan.Token) error {
	if key == "Combined" {
		r.engine = "coraza.audit"
	}
	return r.scan.Skip(t)
}

// action takes what ModSecurity 2 says it did.
func (r *auditReader) action(key string, t jsonscan.Token) error {
	if key == "intercepted" {
		r.waf.known, r.waf.interrupted = true, t.Kind == jsonscan.True
	}
	return r.scan.Skip(t)
}

// addTo adds the event of the transaction; the lists of matches are in it. Of a
// record that is cut off nobody knows what was decided.
func (r *auditReader) addTo(whole bool) {
	e := r.e
	e.Dataset = r.engine
	e.Add(event.GatewatchWAF, event.String(event.WAFByLog))
	e.Add(event.EventKind, event.String("event"))
	e.Add(event.EventCategory, event.String("web"))
	e.Add(event.EventCategory, event.String("intrusion_detection"))
	e.Add(event.EventType, event.String("access"))
	e.AddText(event.Message, r.waf.message)
	e.AddText(event.TransactionID, r.id)
	e.AddText(event.WAFMode, r.waf.mode)
	r.waf.addScores(e)
	r.addObserver()
	r.addFields(r.c, e)
	if whole {
		r.addDecision()
	}
	e.AddText(event.HTTPRequestMimeType, r.mimeType)
	e.AddText(event.HTTPResponseMimeType, r.replyType)
	e.AddIP(event.DestinationIP, r.hostIP)
	if r.hostPort != "0" {
		addNumber(e, event.DestinationPort, r.hostPort)
	}
}

func (r *auditReader) addDecision() {
	e := r.e
	decision, action := r.waf.decide(r.status)
	e.Add(event.WAFDecision, event.String(decision))
	e.Add(event.WAFAction, event.String(action))
	if action == "block" {
		e.Add(event.EventType, event.String("denied"))
		e.Add(event.EventAction, event.String("waf-block"))
		e.Set(event.EventOutcome, event.String("failure"))
		return
	}
	e.Add(event.EventType, event.String("allowed"))
	e.Add(event.EventAction, event.String("waf-allow"))
}

func (r *auditReader) addObserver() {
	e := r.e
	e.Add(event.ObserverType, event.String("waf"))
	if r.engine == "modsecurity.audit" {
		e.Add(event.ObserverProduct, event.String("ModSecurity"))
	} else {
		e.Add(event.ObserverProduct, event.String("Coraza"))
	}
	e.AddText(event.ObserverVersion, r.vendor)
	e.AddText(event.ObserverName, r.server)
	e.AddText(event.ServiceName, r.connector)
}
