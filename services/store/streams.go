package store

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// DefaultStream takes the events that no rule takes.
const DefaultStream = "default"

// maxStreams bounds the rules, and with them what the head holds in memory.
const maxStreams = 64

// RequestStream holds the requests that WAF nodes keep for replay (DESIGN section
// 8). Its events have a reader of their own, [Columnar.Requests]; no other query
// sees them.
const RequestStream = "waf.request"

// What is kept of RequestStream where the configuration does not say.
const (
	requestAge   = 7 * 24 * time.Hour
	requestBytes = 2 << 30
)

// isReserved tells whether a stream is seen by queries of its own alone.
func isReserved(stream string) bool { return stream == RequestStream }

// StreamConfig is a rule that routes events to a stream: segments of their own,
// which are kept for a time of their own. Rules are tried in order; the entries
// "default" and "waf.request" have no filter and say how long all other events
// and requests for replay are kept.
type StreamConfig struct {
	Name     string        `help:"name of the stream; queries know it as gatewatch.stream"`
	Filter   string        `help:"events that go to it, in the query language, unless an earlier stream takes them"`
	MaxAge   time.Duration `help:"time since it was written after which a segment is deleted; store.retain_age if 0, negative keeps all"`
	MaxBytes int64         `help:"size of the stream above which its oldest segments are deleted; 0 sets no limit of its own"`
}

var streamName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// check returns the filter of a rule, nil for that of the default stream.
func (c StreamConfig) check() (query.Expr, error) {
	switch {
	case !streamName.MatchString(c.Name):
		return nil, fmt.Errorf("name %q: want lower-case letters, digits, dots, dashes and underscores, 64 at most", c.Name)
	case c.MaxBytes < 0:
		return nil, fmt.Errorf("max_bytes: %d is negative", c.MaxBytes)
	case c.Name == DefaultStream && c.Filter != "":
		return nil, fmt.Errorf("filter: the stream default takes what no other takes")
	case isReserved(c.Name) && c.Filter != "":
		return nil, fmt.Errorf("filter: the stream %s takes what nodes keep for replay, and nothing else", c.Name)
	case c.Name == DefaultStream, isReserved(c.Name):
		return nil, nil
	case c.Filter == "":
		return nil, fmt.Errorf("filter: say which events go there")
	}
	q, err := query.Parse(c.Filter, time.Unix(0, 0))
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	if len(q.Pipes) > 0 {
		return nil, fmt.Errorf("filter: want conditions alone, without |")
	}
	for _, k := range q.Mentioned() {
		if k.Is(event.GatewatchStream) || k.Is(event.Timestamp) {
			return nil, fmt.Errorf("filter: events are not routed by %s", k)
		}
	}
	return q.Filter, nil
}

// router finds the stream of an event. It belongs to one goroutine.
type router []rule

type rule struct {
	stream  string
	matcher *query.Matcher
}

// newRouter checks the rules and prepares them.
func newRouter(streams []StreamConfig) (router, error) {
	if len(streams) > maxStreams {
		return nil, fmt.Errorf("check streams: want %d at most, have %d", maxStreams, len(streams))
	}
	var r router
	for i, c := range streams {
		filter, err := c.check()
		if err == nil && slices.ContainsFunc(streams[:i], func(o StreamConfig) bool { return o.Name == c.Name }) {
			err = fmt.Errorf("name %q is there twice; join the filters with or", c.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("check streams[%d].%w", i, err)
		}
		if filter != nil {
			r = append(r, rule{c.Name, query.NewMatcher(filter)})
		}
	}
	return r, nil
}

// of returns the name of the stream of an event.
func (r router) of(e *event.Event) string {
	if e.Dataset == RequestStream {
		return RequestStream
	}
	for i := range r {
		if r[i].matcher.Match(query.EventRow{Event: e}) {
			return r[i].stream
		}
	}
	return DefaultStream
}

// limits returns how long and how much of a stream is kept: a negative age keeps
// all, a size of 0 sets no limit. What the configuration does not name is as old
// as the default stream may be.
func (c *Config) limits(stream string) (age time.Duration, bytes int64) {
	if isReserved(stream) {
		return c.requestLimits()
	}
	age = c.RetainAge
	for _, name := range []string{DefaultStream, stream} {
		i := slices.IndexFunc(c.Streams, func(s StreamConfig) bool { return s.Name == name })
		switch {
		case i < 0:
			continue
		case c.Streams[i].MaxAge != 0:
			age = c.Streams[i].MaxAge
		default:
			age = c.RetainAge
		}
		if name == stream {
			bytes = c.Streams[i].MaxBytes
		}
	}
	return age, bytes
}

// requestLimits is limits of RequestStream, which has defaults of its own.
func (c *Config) requestLimits() (age time.Duration, bytes int64) {
	age, bytes = requestAge, requestBytes
	if i := slices.IndexFunc(c.Streams, func(s StreamConfig) bool { return s.Name == RequestStream }); i >= 0 {
		set := c.Streams[i]
		if set.MaxAge != 0 {
			age = set.MaxAge
		}
		if set.MaxBytes != 0 {
			bytes = set.MaxBytes
		}
	}
	return age, bytes
}

// RequestAge is how long requests for replay are kept; negative for ever.
func (c Config) RequestAge() time.Duration {
	age, _ := c.requestLimits()
	return age
}

// mayHold tells whether events of a stream can match an expression, as far as
// what it says of gatewatch.stream tells; must, whether all do.
func mayHold(e query.Expr, stream string) (may, must bool) {
	switch e := e.(type) {
	case *query.And:
		may, must = true, true
		for _, x := range e.Exprs {
			a, b := mayHold(x, stream)
			may, must = may && a, must && b
		}
		return may, must
	case *query.Or:
		for _, x := range e.Exprs {
			a, b := mayHold(x, stream)
			may, must = may || a, must || b
		}
		return may, must
	case *query.Not:
		a, b := mayHold(e.Expr, stream)
		return !b, !a
	case *query.Match:
		if e.FreeText() || !e.Field.Is(event.GatewatchStream) {
			return true, false
		}
		ok := e.Op.MatchValue(event.String(stream))
		return ok, ok
	case query.Const:
		return bool(e), bool(e)
	}
	return true, false
}
