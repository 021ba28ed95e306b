package tuning

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
)

// LevelsFunc compiles the rules that judge a site now for each paranoia level. The
// caller closes them.
type LevelsFunc func(site string) (*waf.Levels, error)

// WhatIf asks what other paranoia levels and thresholds would do to the traffic of sites.
// The zero value asks of all that is kept.
type WhatIf struct {
	Site       string    // only this one; "" takes all
	From, To   time.Time // From <= time < To; a zero time is no bound
	Thresholds []int     // inbound anomaly scores; default 5, 7, 10, 15, 20
	Limit      int       // requests of a site that are judged at most, about; default [WhatIfLimit]

	// Enough, once it is closed, ends the judging: curves are drawn of what was judged by
	// then, which is a random part. nil never is.
	Enough <-chan struct{}
}

// Bounds of what is asked for.
const (
	MaxThresholds = 20
	MaxThreshold  = 1000
	MaxWhatIf     = 50_000 // requests of a site
	WhatIfLimit   = 6000   // where nothing else is said
	maxSites      = 20     // those with the most requests
)

// Check names what is out of range.
func (q *WhatIf) Check() error {
	switch {
	case len(q.Thresholds) > MaxThresholds:
		return fmt.Errorf("thresholds: are %d, more than %d", len(q.Thresholds), MaxThresholds)
	case slices.ContainsFunc(q.Thresholds, func(n int) bool { return n < 1 || n > MaxThreshold }):
		return fmt.Errorf("thresholds: are not all between 1 and %d", MaxThreshold)
	case q.Limit < 0 || q.Limit > MaxWhatIf:
		return fmt.Errorf("limit: is not between 0 and %d", MaxWhatIf)
	}
	return nil
}

// WithDefaults fills in zero fields.
func (q WhatIf) WithDefaults() WhatIf {
	if q.Limit == 0 {
		q.Limit = WhatIfLimit
	}
	if len(q.Thresholds) == 0 {
		q.Thresholds = []int{5, 7, 10, 15, 20}
	}
	return q
}

// SiteCurve is the curve of a site.
type SiteCurve struct {
	Site     string
	Settings waf.Settings // in use; their level and threshold are a point of the curve
	N        int          // requests that were judged
	Late     int          // those that were not, since the time was over
	Requests int          // of the site, for which they stand
	Points   []Point
	// Why says in words why there are no points, "" if there are.
	Why string
}

// LiveCurves are the curves of sites, by their names.
type LiveCurves struct {
	Sites   []SiteCurve
	LeftOut LeftOut
	Partial []string // why not all requests were read; empty if they were
}

// WhatIf draws the curves of sites from the requests that nodes have kept, under the
// exclusions in use. All blocked requests are kept and of the others some, each with a
// probability that is known: a request counts for as many as it stands for, and those
// that say nothing are stood for by the others of their kind. tell may be called from
// several goroutines, and may be nil.
func (l *Live) WhatIf(ctx context.Context, q WhatIf, tell func(Progress)) (*LiveCurves, error) {
	if tell == nil {
		tell = func(Progress) {}
	}
	q = q.WithDefaults()
	tell(Progress{Stage: "read"})
	f, partial, err := l.framed(ctx, q)
	if err != nil {
		return nil, err
	}
	if gone := f.largest(maxSites, maxCopies); gone > 0 {
		partial = append(partial, fmt.Sprintf("%d sites with fewer requests are left out: name one", gone))
	}
	bySite, left, more, err := l.copies(ctx, kept.Query{Filter: ofSite(q.Site), From: q.From, To: q.To}, f.wanted())
	if err != nil {
		return nil, err
	}
	left.add(f.left)
	found := &LiveCurves{LeftOut: left, Partial: append(partial, more...)}
	total := 0
	for _, all := range bySite {
		total += len(all)
	}
	var done atomic.Int64
	for _, name := range slices.Sorted(maps.Keys(f.sites)) {
		all := bySite[name]
		inRandomOrder(all)
		c, err := l.curve(ctx, name, f.sites[name], all, q, func() {
			tell(Progress{Stage: "judge", Done: int(done.Add(1)), Total: total})
		})
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", name, err)
		}
		found.LeftOut.Unreadable += len(all) - c.N - c.Late
		if found.LeftOut.Late += c.Late; c.Late > 0 {
			found.Partial = append(found.Partial, fmt.Sprintf("the time was over when %d of %d requests of site %.100q were judged, a random part: its curve rests on these", c.N, len(all), name))
		}
		found.Sites = append(found.Sites, c)
	}
	return found, nil
}

// ofSite is a filter for the events of a site.
func ofSite(site string) string {
	if site == "" {
		return ""
	}
	return "waf.site: " + query.Quote(site)
}

// framed reads which requests of sites there are to judge.
func (l *Live) framed(ctx context.Context, q WhatIf) (f *frame, partial []string, err error) {
	f = &frame{sites: map[string]*siteFrame{}, limit: q.Limit, room: maxDecisions}
	text := "gatewatch.waf: node"
	if q.Site != "" {
		text += " and " + ofSite(q.Site)
	}
	filter, err := query.Parse(text, q.To)
	if err != nil {
		return nil, nil, fmt.Errorf("read requests of site: %w", err)
	}
	partial, err = l.Desk.EachCounted(ctx, triage.Selection{Filter: filter.Filter, From: q.From, To: q.To}, func(x *triage.Decision, c verdict.Decided) error {
		if q.Site != "" && x.Site != q.Site { // queries do not tell upper and lower case apart
			return nil
		}
		return f.add(x, c)
	})
	return f, partial, err
}

// inRandomOrder orders requests so that the first ones are a random part of all, of
// whatever kind and however old: the same each time.
func inRandomOrder(all []request) {
	place := map[triage.Ref][sha256.Size]byte{}
	for i := range all {
		ref := all[i].ref
		place[ref] = sha256.Sum256([]byte("in turn\x00" + ref.Source + "\x00" + ref.ID))
	}
	slices.SortFunc(all, func(a, b request) int {
		x, y := place[a.ref], place[b.ref]
		return bytes.Compare(x[:], y[:])
	})
}

// curve judges the requests of a site in their order and draws its curve. tell is told
// of each.
func (l *Live) curve(ctx context.Context, site string, f *siteFrame, all []request, q WhatIf, tell func()) (c SiteCurve, err error) {
	c = SiteCurve{Site: site, Requests: f.requests()}
	levels, err := l.Levels(site)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, levels.Close()) }()
	c.Settings = levels.Settings()
	grades, judged := make([]waf.Grades, len(all)), make([]bool, len(all))
	var late atomic.Int64
	err = eachOf(ctx, len(all), func(i int) error {
		select {
		case <-q.Enough:
			late.Add(1)
			return nil
		default:
		}
		g, err := waf.Within(ctx, waf.JudgeLimit, func(ctx context.Context) (waf.Grades, error) { return levels.Grade(ctx, all[i].copy) })
		grades[i], judged[i] = g, err == nil // a request that the engine cannot judge must not end the job
		tell()
		return nil
	})
	if err != nil {
		return c, err
	}
	var kept []request
	var observed []Observed
	for i := range all {
		if judged[i] {
			kept, observed = append(kept, all[i]), append(observed, Observed{Grades: grades[i], Decided: all[i].counted})
		}
	}
	c.N, c.Late = len(kept), int(late.Load())
	if c.Why = f.weigh(kept, observed); c.Why != "" {
		if c.Late > 0 {
			c.Why = fmt.Sprintf("the time was over when %d of %d requests were judged: ask for this site alone, or for a lower limit; by then %s", c.N, len(all), c.Why)
		}
		return c, nil
	}
	points := append(slices.Clone(q.Thresholds), c.Settings.InboundThreshold)
	slices.Sort(points)
	c.Points, err = Curve(ctx, slices.Compact(points), observed)
	return c, err
}
