package figures

import (
	"context"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
)

// Traffic counts requests over time.
func (r *Reader) Traffic(ctx context.Context) (t dashboards.Traffic, err error) {
	step, width := r.step()
	rows, err := r.ask(ctx, decisions+" | stats n = count() by t = bucket(@timestamp, "+step+"), waf.decision | keep t, waf.decision, n")
	if err != nil {
		return t, err
	}
	at := map[int64]*dashboards.TrafficPoint{}
	var first, last int64
	for i, row := range rows {
		ns := row[0].Int()
		if i == 0 || ns < first {
			first = ns
		}
		last = max(last, ns)
		p := at[ns]
		if p == nil {
			p = &dashboards.TrafficPoint{}
			at[ns] = p
		}
		if text(row[1]) == "block" {
			p.Blocked += row[2].Int()
		} else {
			p.Allowed += row[2].Int()
		}
	}
	if len(rows) == 0 {
		return t, nil
	}
	moments(time.Unix(0, first).UTC(), time.Unix(0, last), width, func(m time.Time) {
		p := dashboards.TrafficPoint{Time: m}
		if counted := at[m.UnixNano()]; counted != nil {
			p.Blocked, p.Allowed = counted.Blocked, counted.Allowed
		}
		t.Points = append(t.Points, p)
	})
	return t, nil
}
