package figures

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/detection/event"
)

// class is the first digit of a status of HTTP, 0 for what is none.
func class(v event.Value) int {
	if v.Int() < 100 || v.Int() > 599 {
		return 0
	}
	return int(v.Int() / 100)
}

// Status counts answers over time.
func (r *Reader) Status(ctx context.Context) (s dashboards.Status, err error) {
	step, width := r.step()
	rows, err := r.ask(ctx, fmt.Sprintf("%s | stats n = count() by t = bucket(@timestamp, %s), http.response.status_code | sort n desc | limit %d | keep t, http.response.status_code, n", decisions, step, maxRows))
	if err != nil || len(rows) == 0 {
		return s, err
	}
	at := map[int64]dashboards.Answers{}
	for _, row := range rows {
		a := at[row[0].Int()]
		a[class(row[1])] += row[2].Int()
		at[row[0].Int()] = a
	}
	known := slices.Sorted(maps.Keys(at))
	moments(time.Unix(0, known[0]).UTC(), time.Unix(0, known[len(known)-1]), width, func(m time.Time) {
		s.Points = append(s.Points, dashboards.StatusPoint{Time: m, Answers: at[m.UnixNano()]})
	})
	return s, nil
}

// Upstreams counts the answers of each site, the busiest first.
func (r *Reader) Upstreams(ctx context.Context) (dashboards.Upstreams, error) {
	rows, err := r.ask(ctx, fmt.Sprintf("%s | stats n = count() by waf.site, http.response.status_code | sort n desc | limit %d | keep waf.site, http.response.status_code, n", decisions, maxRows))
	if err != nil {
		return nil, err
	}
	bySite := map[string]dashboards.Answers{}
	for _, row := range rows {
		a := bySite[clip(row[0])]
		a[class(row[1])] += row[2].Int()
		bySite[clip(row[0])] = a
	}
	var all dashboards.Upstreams
	for site, answers := range bySite {
		all = append(all, dashboards.Upstream{Site: site, Answers: answers})
	}
	slices.SortFunc(all, func(a, b dashboards.Upstream) int {
		return cmp.Or(cmp.Compare(sum(b.Answers), sum(a.Answers)), strings.Compare(a.Site, b.Site))
	})
	return all[:min(len(all), maxSites)], nil
}

func sum(a dashboards.Answers) (n int64) {
	for _, x := range a {
		n += x
	}
	return n
}
