package parse

import (
	"bytes"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

func init() {
	register(Format{
		Name:    "coraza.audit",
		Summary: "Coraza 3 audit log as JSON, JSON (legacy) or OCSF; ModSecurity's is recognised",
		Parse:   parseCorazaAudit,
	})
	register(Format{
		Name:    "modsecurity.audit",
		Summary: "ModSecurity 3 audit log as JSON, and that of ModSecurity 2; Coraza's is recognised",
		Parse:   parseModSecurityAudit,
	})
}

func parseCorazaAudit(raw []byte, c *Context, e *event.Event) error {
	return parseAudit(raw, c, e, "coraza.audit")
}

func parseModSecurityAudit(raw []byte, c *Context, e *event.Event) error {
	return parseAudit(raw, c, e, "modsecurity.audit")
}

// parseAudit reads one transaction of an audit log in one pass. The members that
// it holds tell the shape; the dataset is that of the engine which wrote it, or
// fallback where the record does not tell.
//
//	Coraza       {"transaction":{"id","unix_timestamp","request":{…},…},"messages":[{"data":{…}}]}
//	ModSecurity  {"transaction":{"unique_id","time_stamp",…,"messages":[{"details":{…}}]}}
//	legacy       {"transaction":{"transaction_id","time",…},"request":{…},"audit_data":{"messages":["…"]}}
//	OCSF         {"http_request":{…},"src_endpoint":{…},"enrichments":[{"data":"…"}]}, see audit_ocsf.go
func parseAudit(raw []byte, c *Context, e *event.Event, fallback string) error {
	r := auditReader{e: e, c: c, engine: fallback}
	r.waf = wafRecord{score: -1, threshold: -1, outbound: -1}
	r.scan.Reset(raw)
	t, err := r.scan.Next()
	if err == nil && t.Kind != jsonscan.Object {
		return &Error{"bad json", "want an object"}
	}
	if err == nil {
		err = r.members((*auditReader).root)
	}
	if err == nil {
		_, err = r.scan.Next()
	}
	if !r.found && r.id == "" && r.remote == "" {
		if err == nil {
			return &Error{"no match", "no transaction of an audit log in the object"}
		}
		return &Error{"bad json", err.Error()}
	}
	r.addTo(err == nil)
	switch {
	case err != nil:
		return &Error{"bad json", err.Error()}
	case r.waf.matches > maxMatches:
		return &Error{"too many matches", "some are in event.original alone"}
	}
	return nil
}

// auditReader reads one record of an audit log.
type auditReader struct {
	access
	scan      jsonscan.Scanner
	e         *event.Event
	c         *Context
	waf       wafRecord
	match     ruleMatch
	errorLine jsonscan.Token // line of the error log of the same match

	engine            string // the dataset
	found             bool   // a member that only OCSF has was there
	timeRank          int    // exactness of the time taken so far
	id                string
	hostIP, hostPort  string
	server            string
	connector, vendor string
	mimeType          string // of the request
	replyType         string // of the response
}

// members calls f for each member of an object whose brace was read. f reads
// the whole value.
func (r *auditReader) members(f func(r *auditReader, key string, t jsonscan.Token) error) error {
	for {
		key, err := r.scan.Next()
		if err != nil {
			return err
		}
		if key.Kind == jsonscan.ObjectEnd {
			return nil
		}
		t, err := r.scan.Next()
		if err != nil {
			return err
		}
		if err := f(r, event.View(key.Text), t); err != nil {
			return err
		}
	}
}

// inside calls f for each member if t is an object, and skips another value.
func (r *auditReader) inside(t jsonscan.Token, f func(r *auditReader, key string, t jsonscan.Token) error) error {
	if t.Kind != jsonscan.Object {
		return r.scan.Skip(t)
	}
	return r.members(f)
}

// each calls f for each element if t is an array, and skips another value.
func (r *auditReader) each(t jsonscan.Token, f func(r *auditReader, t jsonscan.Token) error) error {
	if t.Kind != jsonscan.Array {
		return r.scan.Skip(t)
	}
	for {
		n, err := r.scan.Next()
		if err != nil {
			return err
		}
		if n.Kind == jsonscan.ArrayEnd {
			return nil
		}
		if err := f(r, n); err != nil {
			return err
		}
	}
}

// text returns a scalar; "" for null, objects and lists, which it skips.
func (r *auditReader) text(t jsonscan.Token) (string, error) {
	switch t.Kind {
	case jsonscan.Object, jsonscan.Array, jsonscan.Null:
		return "", r.scan.Skip(t)
	}
	return tokenText(t, r.e), nil
}

func (r *auditReader) root(key string, t jsonscan.Token) error {
	switch key {
	case "transaction":
		if t.Kind != jsonscan.Object {
			return r.scan.Skip(t)
		}
		return r.members((*auditReader).transaction)
	case "messages":
		return r.each(t, (*auditReader).message)
	case "request":
		return r.inside(t, (*auditReader).request)
	case "response":
		return r.inside(t, (*auditReader).response)
	case "audit_data":
		return r.inside(t, (*auditReader).auditData)
	}
	return r.rootOCSF(key, t)
}

func (r *auditReader) transaction(key string, t jsonscan.Token) error {
	switch key {
	case "request":
		return r.inside(t, (*auditReader).request)
	case "response":
		return r.inside(t, (*auditReader).response)
	case "producer":
		return r.inside(t, (*auditReader).producer)
	case "messages":
		return r.each(t, (*auditReader).message)
	}
	s, err := r.text(t)
	if err != nil {
		return err
	}
	switch key {
	case "id":
		r.id, r.engine = s, "coraza.audit"
	case "unique_id":
		r.id, r.engine = s, "modsecurity.audit"
	case "transaction_id":
		r.id = s
	case "timestamp", "time", "time_stamp":
		r.takeTime(s, 1)
	case "unix_timestamp":
		r.takeTime(s, 2)
	case "client_ip", "remote_address":
		r.remote = s
	case "client_port", "remote_port":
		r.remotePort = s
	case "host_ip", "local_address":
		r.hostIP = s
	case "host_port", "local_port":
		r.hostPort = s
	case "server_id":
		r.server = s
	case "is_interrupted":
		r.waf.known, r.waf.interrupted = true, t.Kind == jsonscan.True
	}
	return nil
}

// takeTime takes a time unless a more exact one is known.
func (r *auditReader) takeTime(s string, rank int) {
	if ns, ok := anyTime(s, r.c.Zone); ok && rank > r.timeRank {
		r.time, r.timeRank = ns, rank
	}
}

func (r *auditReader) request(key string, t jsonscan.Token) error {
	if key == "headers" {
		return r.inside(t, (*auditReader).requestHeader)
	}
	s, err := r.text(t)
	if err != nil {
		return err
	}
	switch key {
	case "method":
		r.method = s
	case "uri":
		r.target = s
	case "protocol", "http_version":
		if s != "" {
			r.protocol = s
		}
	case "request_line":
		r.access.request = strings.TrimRight(s, " ")
	case "length":
		r.length = s
	}
	return nil
}

// requestHeader takes a header whose value is a string or a list of them.
func (r *auditReader) requestHeader(key string, t jsonscan.Token) error {
	var to *string
	switch {
	case strings.EqualFold(key, "host"):
		to = &r.vhost
	case strings.EqualFold(key, "user-agent"):
		to = &r.agent
	case strings.EqualFold(key, "referer"):
		to = &r.referrer
	case strings.EqualFold(key, "x-forwarded-for"):
		to = &r.forwarded
	case strings.EqualFold(key, "forwarded"):
		to = &r.forwarded7239
	case strings.EqualFold(key, "x-request-id"):
		to = &r.requestID
	case strings.EqualFold(key, "content-type"):
		to = &r.mimeType
	default:
		return r.scan.Skip(t)
	}
	s, err := r.headerValue(t)
	*to = s
	return err
}

// headerValue returns a header; several lines of one name are joined by commas,
// as RFC 9110 section 5.3 does.
func (r *auditReader) headerValue(t jsonscan.Token) (string, error) {
	if t.Kind != jsonscan.Array {
		return r.text(t)
	}
	value := ""
	for n := 0; ; n++ {
		t, err := r.scan.Next()
		if err != nil || t.Kind == jsonscan.ArrayEnd {
			return value, err
		}
		s, err := r.text(t)
		switch {
		case err != nil:
			return value, err
		case n == 0:
			value = s
		case n < maxHops:
			head := value
			value = r.e.Build(func(dst []byte) []byte {
				return append(append(append(dst, head...), ", "...), s...)
			})
		}
	}
}

func (r *auditReader) response(key string, t jsonscan.Token) error {
	if key == "headers" {
		return r.inside(t, (*auditReader).responseHeader)
	}
	s, err := r.text(t)
	if err == nil && (key == "http_code" || key == "status") {
		r.status = s
	}
	return err
}

func (r *auditReader) responseHeader(key string, t jsonscan.Token) error {
	if !strings.EqualFold(key, "content-type") {
		return r.scan.Skip(t)
	}
	s, err := r.headerValue(t)
	r.replyType = s
	return err
}

func (r *auditReader) producer(key string, t jsonscan.Token) error {
	if key == "rulesets" || key == "components" {
		return r.each(t, (*auditReader).component)
	}
	s, err := r.text(t)
	if err != nil {
		return err
	}
	switch key {
	case "rule_engine", "secrules_engine":
		r.takeMode(s)
	case "connector":
		r.connector = s
	case "modsecurity":
		r.vendor = s
	}
	return nil
}

// component takes one of the names that a producer lists: engine or rule set.
func (r *auditReader) component(t jsonscan.Token) error {
	s, err := r.text(t)
	switch {
	case err != nil:
	case strings.Contains(s, "CRS"):
		r.waf.ruleset = strings.TrimSuffix(s, `"`)
	case strings.Contains(s, "ModSecurity"):
		r.vendor, r.engine = s, "modsecurity.audit"
	case bytes.Contains(t.Text, []byte("oraza")):
		r.vendor, r.engine = s, "coraza.audit"
	}
	return err
}

func (r *auditReader) takeMode(s string) {
	switch {
	case strings.EqualFold(s, "DetectionOnly"), strings.EqualFold(s, "DETECTION_ONLY"):
		r.waf.mode = "detect"
	case strings.EqualFold(s, "On"), strings.EqualFold(s, "Enabled"):
		r.waf.mode = "block"
	}
}
