package rules

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
)

// requestReader makes events of the legitimate requests of a corpus (DESIGN section
// 8): for requests the access log line of a server that answers each with success, for
// decisions what a WAF node records that blocks, for observed one that only detects. All
// requests to a site come from one client, a second apart, which is the worst case
// for correlations.
type requestReader struct {
	access  *parse.Format // of requests
	engine  *waf.Engine   // of decisions and observed
	observe bool          // the node only detects
	n       int
}

// everyNth request is judged by CRS, which takes long.
const everyNth = 4

// judged keeps what CRS made of a request, which takes long, for another column.
var judged = map[string]waf.Decision{}

func init() {
	readers["requests"] = func() (reader, error) {
		access, ok := parse.Lookup("nginx.access")
		if !ok {
			return nil, errors.New("no format nginx.access")
		}
		return &requestReader{access: access}, nil
	}
	for kind, observe := range map[string]bool{"decisions": false, "observed": true} {
		readers[kind] = func() (reader, error) {
			engine, err := waf.Compile(waf.CorpusSettings())
			return &requestReader{engine: engine, observe: observe}, err
		}
	}
}

func (r *requestReader) read(line []byte, use func(*event.Event)) error {
	var q verdict.Request
	if err := verdict.ReadRequest(line, &q); err != nil {
		return err
	}
	if q.Attack {
		return nil
	}
	r.n++
	at := received.Add(time.Duration(r.n) * time.Second)
	if r.engine == nil {
		e := new(event.Event)
		if err := r.access.Read(accessLine(&q, at), &parse.Context{Received: at.UnixNano()}, e); err != nil {
			return fmt.Errorf("%s: %w", q.ID, err)
		}
		use(e)
		return nil
	}
	if r.n%everyNth != 0 {
		return nil
	}
	d, known := judged[q.ID]
	if !known {
		var err error
		if d, err = r.engine.JudgeRequest(context.Background(), &q); err != nil {
			return fmt.Errorf("%s: %w", q.ID, err)
		}
		judged[q.ID] = d
	}
	use(r.decision(&q, &d, at))
	return nil
}

// clientOf is one address for each site, none of them private.
func clientOf(site string) netip.Addr {
	h := fnv.New32a()
	h.Write([]byte(site))
	n := h.Sum32()
	return netip.AddrFrom4([4]byte{203, byte(n >> 16), byte(n >> 8), byte(n)})
}

func headerOf(q *verdict.Request, name string) string {
	for _, h := range q.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return "-"
}

func accessLine(q *verdict.Request, at time.Time) []byte {
	escape := func(s string) string { // as nginx writes what would end the field
		var b []byte
		for i := range len(s) {
			if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
				b = fmt.Appendf(b, `\x%02X`, c)
			} else {
				b = append(b, c)
			}
		}
		return string(b)
	}
	return fmt.Appendf(nil, `%s - - [%s] "%s %s %s" 200 512 "%s" "%s"`, clientOf(q.Site), at.Format("02/Jan/2006:15:04:05 -0700"),
		escape(q.Method), escape(q.URI), escape(q.Proto), escape(headerOf(q, "Referer")), escape(headerOf(q, "User-Agent")))
}

// decision is the event of a WAF node.
func (r *requestReader) decision(q *verdict.Request, d *waf.Decision, at time.Time) *event.Event {
	e := &event.Event{Dataset: "coraza.waf", Time: at.UnixNano()}
	decision, action, mode, status := "allow", "allow", "block", int64(200)
	if d.Block {
		decision = "block"
	}
	if r.observe {
		mode = "detect"
	} else if d.Block {
		action, status = "block", 403
	}
	e.AddAddr(event.SourceIP, clientOf(q.Site))
	e.AddAddr(event.ClientIP, clientOf(q.Site))
	e.AddText(event.HTTPRequestMethod, q.Method)
	parse.AddURL(e, q.Method, q.URI)
	e.AddText(event.UserAgentOriginal, headerOf(q, "User-Agent"))
	e.AddInt(event.HTTPResponseStatusCode, status)
	e.AddText(event.WAFSite, q.Site)
	e.AddText(event.WAFNode, "n1")
	e.AddText(event.WAFMode, mode)
	e.AddText(event.WAFDecision, decision)
	e.AddText(event.WAFAction, action)
	e.AddInt(event.WAFAnomalyScore, int64(d.Score))
	e.Add(event.WAFPolicyOnly, event.Bool(d.PolicyOnly))
	e.AddText(event.WAFRuleset, "one")
	for _, id := range d.Scoring {
		e.AddList(event.RuleID, event.String(strconv.Itoa(id)))
	}
	for _, m := range d.Matches {
		e.Add(event.WAFMatchRuleID, event.String(strconv.Itoa(m.RuleID)))
		e.AddText(event.WAFMatchVariable, m.Variable)
		e.Add(event.WAFMatchValue, event.String(m.Value))
	}
	return e
}
