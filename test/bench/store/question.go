package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// question is something that both servers are asked.
type question struct {
	name string
	goal float64 // most of the peer's time that the answer may take
	want int     // the answer: rows, or the sum of their figures
	ours string
	from time.Time
	rows bool // the answer is events, the newest 100
	best bool // the answer is the largest figure, not the sum
	// times of the events of the answer, the newest first; nil: any
	times []string
	peer  []string // forms of the peer's query; the fastest counts
}

// newest marks a query of the peer that is asked with limit=100, its own way to
// the newest events.
const newest = "newest:"

// questions returns what is asked of a generated file.
func questions(t *truth) []question {
	span := func(from time.Time) string {
		return fmt.Sprintf("_time:[%s, %s) ", from.Format(time.RFC3339), t.To.Format(time.RFC3339))
	}
	all := span(t.From)
	const sorted = " | sort by (_time desc) limit 100"
	both := func(filter string) []string { return []string{newest + all + filter, all + filter + sorted} }
	var list []question
	for i, id := range t.Traces {
		list = append(list, question{
			name: "trace id " + strconv.Itoa(i+1), goal: 0.3, want: 1, rows: true,
			ours: "trace.id: " + id, peer: []string{all + `trace.id:="` + id + `"`},
		})
	}
	for i, c := range t.Client {
		list = append(list, question{
			name: "client, " + []string{"frequent", "middling", "rare"}[i], goal: []float64{0.3, 0.6, 0.3}[i], want: min(100, c.Events), rows: true,
			ours: "source.ip: " + c.Address, peer: both(`source.ip:="` + c.Address + `"`),
		})
	}
	s := t.Substring
	held := fmt.Sprintf("(url.query: *%[1]s* or message: *%[1]s*)", s)
	anyCase := fmt.Sprintf(`(url.query:~"%[1]s" or url.query:~"%[2]s" or _msg:~"%[1]s" or _msg:~"%[2]s")`, s, strings.ToUpper(s))
	return append(list,
		question{name: "substring, count", goal: 1, want: t.Holding, ours: held + " | stats n = count()", peer: []string{all + anyCase + " | stats count() n"}},
		question{name: "substring, last 100", goal: 0.4, want: min(100, t.Holding), rows: true, ours: held, peer: both(anyCase)},
		question{
			name: "histogram per minute", goal: 0.4, want: t.LastDay, from: t.Day,
			ours: "* | stats n = count() by t = bucket(@timestamp, 1m), http.response.status_code",
			peer: []string{
				span(t.Day) + "| stats by (_time:1m, http.response.status_code:100) count() n",
				span(t.Day) + "| stats by (_time:1m, http.response.status_code) count() n",
			},
		},
		question{
			name: "top 20", goal: 0.6, want: t.TopHits, best: true,
			ours: "waf.anomaly_score >= 5 | stats n = count() by source.ip | sort n desc | limit 20",
			peer: []string{all + "waf.anomaly_score:>=5 | stats by (source.ip) count() n | sort by (n desc) limit 20"},
		},
		question{
			name: "several fields", goal: 1, want: min(100, t.Denied), rows: true,
			ours: fmt.Sprintf("site: %q and http.response.status_code: 403 and waf.rule_ids: %s", t.Site, t.Rule),
			peer: both(fmt.Sprintf("{site=%q} http.response.status_code:=403 waf.rule_ids:%s", t.Site, t.Rule)),
		},
		question{
			name: "distinct per site", goal: 0.4, want: t.Distinct,
			ours: "* | stats n = count_distinct(source.ip) by site", peer: []string{all + "| stats by (site) count_uniq(source.ip) n"},
		},
		question{name: "latest 100", goal: 0.3, want: min(100, t.Events), rows: true, ours: "*", peer: both("*")},
	)
}
