package figures

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gatewatch/gatewatch/dashboards"
)

// The levels and thresholds of a curve.
const (
	maxParanoia  = 4
	maxThreshold = 30
)

// WhatIf tells from the scores of requests which share of them would be blocked at
// other thresholds. Requests judged at one paranoia level tell nothing of others: each
// level in use has a curve of its own. Those that a rule denied outright are blocked at
// each threshold.
func (r *Reader) WhatIf(ctx context.Context) (w dashboards.WhatIf, err error) {
	rows, err := r.ask(ctx, fmt.Sprintf("%s and waf.anomaly_score: * | stats n = count() by waf.paranoia_level, waf.threshold, waf.anomaly_score, waf.decision | sort n desc | limit %d | keep waf.paranoia_level, waf.threshold, waf.anomaly_score, waf.decision, n", decisions, maxRows))
	if err != nil {
		return w, err
	}
	levels, thresholds := map[int]*scores{}, map[int]bool{}
	for _, row := range rows {
		level, threshold, score, n := int(row[0].Int()), int(row[1].Int()), row[2].Int(), row[4].Int()
		if level < 1 || level > maxParanoia {
			continue // a log that does not tell
		}
		s := levels[level]
		if s == nil {
			s = &scores{}
			levels[level] = s
		}
		denied := text(row[3]) == "block" && score < int64(threshold)
		s.add(score, denied, n)
		if threshold > 0 {
			thresholds[threshold] = true
		}
	}
	for _, level := range slices.Sorted(maps.Keys(levels)) {
		w.Curves = append(w.Curves, dashboards.Curve{Paranoia: level, Points: levels[level].curve()})
	}
	if len(thresholds) == 1 {
		for t := range thresholds {
			w.Threshold = t
		}
	}
	return w, nil
}

// scores counts requests by what they scored.
type scores struct {
	n, denied int64
	at        [maxThreshold + 1]int64 // the last one: this and more
}

func (s *scores) add(score int64, denied bool, n int64) {
	s.n += n
	if denied {
		s.denied += n
		return
	}
	s.at[min(max(score, 0), maxThreshold)] += n
}

func (s *scores) curve() []dashboards.CurvePoint {
	points := make([]dashboards.CurvePoint, maxThreshold)
	blocked := s.denied
	for t := maxThreshold; t >= 1; t-- {
		blocked += s.at[t]
		points[t-1] = dashboards.CurvePoint{Threshold: t, Blocked: float64(blocked) / float64(s.n)}
	}
	return points
}
