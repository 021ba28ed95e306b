package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// restAggregate is POST /api/v1/aggregate. It writes what marshaler would write
// of an AggregateResponse, without making one.
func (g *guard) restAggregate(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.AggregateRequest
	g.answer(w, r, methodAggregate, &req, func(ctx context.Context, b []byte, send func([]byte)) error {
		result, stats, err := g.api.aggregate(ctx, &req)
		if err == nil {
			send(appendTable(b, result, stats))
		}
		return err
	})
}

// aggregate computes a table.
func (a *API) aggregate(ctx context.Context, req *gatewatchv1.AggregateRequest) (*query.Table, store.Stats, error) {
	q, from, to, err := parse(req.GetQuery(), req.GetFrom(), req.GetTo(), a.parts.Now())
	if err != nil {
		return nil, store.Stats{}, err
	}
	if !q.IsAggregation() {
		return nil, store.Stats{}, &badField{"query", errors.New("has no table: end it with a stage such as | stats n = count() by source.ip, or use search")}
	}
	release, err := turn(ctx, a.searches)
	if err != nil {
		return nil, store.Stats{}, err
	}
	defer release()
	result, stats, err := a.parts.Store.Aggregate(ctx, store.AggregateRequest{Query: q, From: from, To: to})
	if err != nil {
		return nil, stats, fmt.Errorf("aggregate: %w", err)
	}
	return result, stats, nil
}

// appendTable appends a table as JSON.
func appendTable(b []byte, t *query.Table, stats store.Stats) []byte {
	b = append(b, `{"columns":[`...)
	for i, name := range t.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendQuoted(b, name)
	}
	b = append(b, `],"rows":[`...)
	var times timeText
	for i, row := range t.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		for j, v := range row {
			if j > 0 {
				b = append(b, ',')
			}
			if v.Kind() == event.KindTime {
				b = times.append(b, v)
			} else {
				b = v.AppendJSON(b)
			}
		}
		b = append(b, ']')
	}
	b = append(b, `],"stats":`...)
	b = appendMessage(b, newProtoStats(stats).ProtoReflect())
	return append(b, '}')
}

// timeText remembers where the last time was written: in the rows of a histogram
// many times in a row are the same.
type timeText struct {
	ns       int64
	from, to int // in what is appended to; 0 before the first
}

func (t *timeText) append(b []byte, v event.Value) []byte {
	if t.to > 0 && t.ns == v.Int() {
		return append(b, b[t.from:t.to]...)
	}
	t.ns, t.from = v.Int(), len(b)
	b = v.AppendJSON(b)
	t.to = len(b)
	return b
}
