package parse

import (
	"fmt"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "coraza.waf",
		Summary: "decision of a Gatewatch WAF node, one JSON object with ECS and waf.* names",
		Parse:   parseNode,
	})
}

// NodeFormat is the name under which the queue holds what nodes sent as coraza.waf
// through their own stream, where it is known who sends. No sender can name it: it is
// not registered. The same records read from anything else are a log of a WAF.
const NodeFormat = "gatewatch.node"

// parseNode reads what a node sends: the object that [event.Event.AppendJSON]
// writes. It must have a time, waf.site, waf.decision (block or allow) and
// waf.mode (detect or block), lists of waf.match of one length, and numbers that
// can be; an event that has not is kept, with an error, for it would spoil rates.
// The verdict of the moment is the node's, which saw the whole request.
func parseNode(raw []byte, _ *Context, e *event.Event) error {
	err := decodeFrom(raw, e, reservedFromNode)
	if !isNodeVerdict(e) {
		dropFields(e, isReserved)
	}
	e.Add(event.GatewatchWAF, event.String(event.WAFByLog))
	if err != nil {
		return err
	}
	e.Dataset = "coraza.waf"
	if !e.Has(event.EventKind) {
		e.Add(event.EventKind, event.String("event"))
	}
	if !e.Has(event.EventCategory) {
		e.Add(event.EventCategory, event.String("web"))
		e.Add(event.EventCategory, event.String("intrusion_detection"))
	}
	addRelated(e)
	addNodeMessage(e)
	return checkNode(e)
}

// reservedFromNode holds of the fields that even a node has no say in.
func reservedFromNode(name string) bool {
	return isReserved(name) && (!strings.HasPrefix(name, "verdict.") || name == event.VerdictEventID.String())
}

// isNodeVerdict tells whether the verdict of an event is one of the moment, with
// the model that it is from.
func isNodeVerdict(e *event.Event) bool {
	revision := e.Get(event.VerdictRevision)
	return revision.Kind() == event.KindInt && revision.Int() == 0 && e.Get(event.VerdictModel).Text() != "" && e.Has(event.VerdictPAttack)
}

// addRelated adds related.ip and related.user from the entities of the event,
// unless the sender did.
func addRelated(e *event.Event) {
	if !e.Has(event.RelatedIP) {
		source, client := e.Get(event.SourceIP), e.Get(event.ClientIP)
		if source.Kind() == event.KindIP {
			e.Add(event.RelatedIP, source)
		}
		if client.Kind() == event.KindIP && !client.Equal(source) {
			e.Add(event.RelatedIP, client)
		}
	}
	if !e.Has(event.RelatedUser) {
		e.AddText(event.RelatedUser, e.Get(event.UserName).Text())
	}
}

func checkNode(e *event.Event) error {
	bad := func(k event.Key, want string) error {
		return &Error{"bad waf event", fmt.Sprintf("%s is %.40q, want %s", k, e.Get(k).String(), want)}
	}
	if e.Time == 0 {
		return &Error{"bad waf event", "@timestamp is missing"}
	}
	if e.Get(event.WAFReason).Text() != "" && !e.Has(event.WAFDecision) {
		return nil // not a decision: a request that could not be judged, or the node about itself
	}
	if e.Get(event.WAFSite).Text() == "" {
		return bad(event.WAFSite, "a name")
	}
	if d := e.Get(event.WAFDecision).Text(); d != "block" && d != "allow" {
		return bad(event.WAFDecision, "block or allow")
	}
	if m := e.Get(event.WAFMode).Text(); m != "detect" && m != "block" {
		return bad(event.WAFMode, "detect or block")
	}
	for _, r := range nodeRanges {
		v := e.Get(r.key)
		isNumber := v.Kind() == event.KindInt || v.Kind() == event.KindFloat && r.key.Type() == event.TypeFloat
		if v.Kind() != event.KindNone && !(isNumber && v.Float() >= r.min && v.Float() <= r.max) {
			return bad(r.key, fmt.Sprintf("a number from %v to %v", r.min, r.max))
		}
	}
	return checkMatches(e)
}

// nodeRanges bound the numbers of a node's event.
var nodeRanges = [...]struct {
	key      event.Key
	min, max float64
}{
	{event.WAFAnomalyScore, 0, 1e6},
	{event.WAFOutboundScore, 0, 1e6},
	{event.WAFThreshold, 0, 1e6},
	{event.WAFParanoiaLevel, 1, 4},
	{event.WAFSampleProb, 0, 1},
	{event.VerdictPAttack, 0, 1},
	{event.VerdictPFalse, 0, 1},
	{event.VerdictPMissed, 0, 1},
	{event.WAFEvaluation, 0, 1e15},
	{event.WAFUpstream, 0, 1e15},
	{event.EventDuration, 0, 1e15},
	{event.HTTPResponseStatusCode, 0, 999},
	{event.SourcePort, 0, 65535},
}

// checkMatches holds the parallel lists to one length.
func checkMatches(e *event.Event) error {
	keys := [...]event.Key{
		event.WAFMatchRuleID, event.WAFMatchVariable, event.WAFMatchValue,
		event.WAFMatchMessage, event.WAFMatchSeverity,
	}
	var count [len(keys)]int
	for _, f := range e.Fields() {
		for i, k := range keys {
			if f.Key.Is(k) {
				count[i]++
			}
		}
	}
	for i, n := range count {
		if n != count[0] {
			return &Error{"bad waf event", fmt.Sprintf("%s has %d elements and %s %d", keys[0], count[0], keys[i], n)}
		}
	}
	return nil
}
