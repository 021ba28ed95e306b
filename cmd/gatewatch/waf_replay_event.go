package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// eventIDs are the ids of the decisions about copies that are being replayed.
type eventIDs struct {
	mu  sync.Mutex
	all map[*kept.Copy]string
}

func (e *eventIDs) add(c *kept.Copy, id string) {
	if id == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = map[*kept.Copy]string{}
	}
	e.all[c] = id
}

// take returns the id of a decision, "" if it is not known, and forgets it.
func (e *eventIDs) take(c *kept.Copy) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer delete(e.all, c)
	return e.all[c]
}

// keptName tells copies apart: ids that proxies give need not be unique.
type keptName struct {
	id, source string
	at         int64
}

func (k *keptJSON) name() keptName { return keptName{k.ID, k.Source, k.Time.UnixNano()} }

// decisionIDs asks a server for the ids of the decisions about requests. They are
// a help alone: without the right to read decisions there are none.
func (r *replayRun) decisionIDs(requests []keptJSON) map[keptName]string {
	if len(requests) == 0 {
		return nil
	}
	first, last := requests[0].Time, requests[0].Time
	wanted := make([]string, len(requests))
	for i := range requests {
		k := &requests[i]
		wanted[i] = query.Quote(k.ID)
		if k.Time.Before(first) {
			first = k.Time
		}
		if k.Time.After(last) {
			last = k.Time
		}
	}
	v := url.Values{
		"filter": {event.HTTPRequestID.String() + ": (" + strings.Join(wanted, " or ") + ")"},
		"from":   {first.Format(time.RFC3339Nano)}, "to": {last.Add(1).Format(time.RFC3339Nano)},
		"page_size": {strconv.Itoa(1000)},
	}
	var page listPage[json.RawMessage]
	if err := r.flags.call(r.cmd.Context(), http.MethodGet, "/api/v1/decisions?"+v.Encode(), nil, &page); err != nil {
		return nil
	}
	var decisions []decisionJSON
	if json.Unmarshal(page.Decisions, &decisions) != nil {
		return nil
	}
	ids := map[keptName]string{}
	for i := range decisions {
		d := &decisions[i]
		ids[keptName{d.Request, d.Source, d.Time.UnixNano()}] = d.ID
	}
	return ids
}

// decisionOf returns the id of the decision about a copy, "" if it is not stored.
func decisionOf(ctx context.Context, s *store.Columnar, c *kept.Copy) (string, error) {
	q, err := query.Parse("waf.decision: * and "+event.HTTPRequestID.String()+": "+query.Quote(c.ID), c.Time)
	if err != nil { // such as an id with a control character: no event has it
		return "", nil
	}
	id := ""
	_, err = s.Search(ctx, store.SearchRequest{Query: q, From: c.Time, To: c.Time.Add(1)}, func(e *event.Event) error {
		if e.Source == c.Source && e.Get(event.HTTPRequestID).Text() == c.ID {
			id = strings.Clone(e.ID)
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		err = nil
	}
	return id, err
}
