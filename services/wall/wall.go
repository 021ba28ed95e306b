// Package wall makes what the screens on a wall show: counts of the day, kept up
// while events come in, one computation for all who look.
package wall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

const (
	// defaultEvery is the time between two states.
	defaultEvery = 3 * time.Second
	// defaultPause is how long new events are not asked for after that failed.
	defaultPause = 10 * time.Second
	// linger is how long counting goes on when nobody looks.
	linger = 2 * time.Minute
	// seedTime bounds how long it may take to count what was stored before.
	seedTime = time.Minute
)

// Options are what a board is made of.
type Options struct {
	Events store.Store
	Now    func() time.Time // its location says when a day begins
	Log    *slog.Logger
}

// Board makes the states. It works while somebody looks, and for two minutes more.
// It may be used concurrently.
type Board struct {
	o     Options
	every time.Duration // between two states
	pause time.Duration // after new events could not be had

	mu      sync.Mutex
	looking int
	ended   time.Time     // when the last one stopped looking
	running bool          // a goroutine counts
	last    *State        // nil before the first
	next    chan struct{} // closed when there is another one
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// New makes a board that rests.
func New(o Options) *Board {
	return &Board{o: o, every: defaultEvery, pause: defaultPause, next: make(chan struct{})}
}

// Close ends the counting and waits for it. Nobody may look any more.
func (b *Board) Close() {
	b.mu.Lock()
	if b.stop != nil {
		b.stop()
	}
	b.mu.Unlock()
	b.done.Wait()
}

// Watch calls yield with the state of now and each one after it, until ctx ends or
// yield returns an error. Who is slow misses some.
func (b *Board) Watch(ctx context.Context, yield func(*State) error) error {
	b.enter()
	defer b.leave()
	var seen *State
	for {
		s, next := b.current()
		if s != nil && s != seen {
			if err := yield(s); err != nil {
				return err
			}
			seen = s
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
		}
	}
}

// errSeen ends a look at one state.
var errSeen = errors.New("state was seen")

// State returns the state of now.
func (b *Board) State(ctx context.Context) (s *State, err error) {
	err = b.Watch(ctx, func(now *State) error {
		s = now
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return s, nil
	}
	return nil, err
}

func (b *Board) current() (*State, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last, b.next
}

func (b *Board) enter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking++
	if b.running {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.running, b.stop = true, cancel
	b.done.Go(func() {
		defer cancel()
		b.run(ctx)
	})
}

func (b *Board) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking--
	b.ended = b.o.Now()
}

// rest ends the counting if nobody has looked for a while.
func (b *Board) rest(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() == nil && (b.looking > 0 || b.o.Now().Sub(b.ended) < linger) {
		return false
	}
	b.running, b.last = false, nil
	return true
}

func (b *Board) publish(s *State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = s
	close(b.next)
	b.next = make(chan struct{})
}

// watched are the events that change a state: decisions, findings, and what gateways
// say of answers.
var watched = mustParse("(" + verdict.Decisions + ") or event.dataset: " + query.Quote(detection.Dataset) + " or (http.response.status_code: * and not gatewatch.waf: *)")

func mustParse(text string) *query.Query {
	q, err := query.Parse(text, time.Time{}) // names no time
	if err != nil {
		panic(err)
	}
	return q
}

// run counts until nobody looks. What is stored while the events before are counted
// may be counted twice, so that a total is high by what came in during that second.
func (b *Board) run(ctx context.Context) {
	now := b.o.Now()
	day := dayOf(now)
	var mu sync.Mutex // of t, missed and broken
	t, missed, broken := newTally(now, day), 0, false
	ctx, cancel := context.WithCancel(ctx)
	follow := b.o.Events.Tail(watched) // before the counting, so that nothing is between them
	var tail sync.WaitGroup
	tail.Go(func() {
		take := func(e *event.Event, n int) {
			mu.Lock()
			defer mu.Unlock()
			missed += n
			t.add(e)
		}
		b.keepUp(ctx, follow, take, func() {
			mu.Lock()
			defer mu.Unlock()
			broken = true
		})
	})
	defer tail.Wait()
	defer cancel()
	partial := b.seed(ctx, day, func(add func(*tally)) {
		mu.Lock()
		defer mu.Unlock()
		add(t)
	})
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for !b.rest(ctx) {
		now := b.o.Now()
		mu.Lock()
		s := t.state(now, dayOf(now), b.every)
		s.Partial = slices.Clone(partial)
		if missed > 0 {
			s.Partial = append(s.Partial, fmt.Sprintf("%d events came too fast to be counted", missed))
		}
		if broken {
			s.Partial = append(s.Partial, "new events could not be had for a while and are not counted")
		}
		mu.Unlock()
		b.publish(s)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func dayOf(now time.Time) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, now.Location())
}

// keepUp follows new events until ctx ends. When that fails it calls broke, and
// begins again after a pause.
func (b *Board) keepUp(ctx context.Context, follow store.Follow, take func(*event.Event, int), broke func()) {
	for {
		err := follow(ctx, func(e *event.Event, missed int) error {
			take(e, missed)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		b.o.Log.Error("wall screens get no new events", "error", err)
		broke()
		select {
		case <-ctx.Done():
			return
		case <-time.After(b.pause):
		}
		follow = b.o.Events.Tail(watched)
	}
}

// seed counts what was stored before. It returns what could not be counted.
func (b *Board) seed(ctx context.Context, day time.Time, into func(func(*tally))) (partial []string) {
	ctx, cancel := context.WithTimeout(ctx, seedTime)
	defer cancel()
	for _, s := range seeds {
		from := day
		switch s.of {
		case ofTwoDays:
			from = day.Add(-24 * time.Hour)
		case ofLastMinute:
			from = b.o.Now().Add(-time.Minute)
		}
		table, stats, err := b.count(ctx, s.query, from)
		if err != nil {
			if ctx.Err() == nil {
				b.o.Log.Error("wall screens lack what was stored before", "error", err)
			}
			partial = append(partial, "what was stored before could not all be counted")
			continue
		}
		partial = append(partial, stats.Partial...)
		into(func(t *tally) {
			for _, row := range table.Rows {
				s.add(t, row)
			}
		})
	}
	into(func(t *tally) {
		for _, x := range t.arcs {
			x.recent = 0 // it is not new
		}
	})
	return partial
}

func (b *Board) count(ctx context.Context, text string, from time.Time) (*query.Table, store.Stats, error) {
	q, err := query.Parse(text, b.o.Now())
	if err != nil {
		return nil, store.Stats{}, err
	}
	return b.o.Events.Aggregate(ctx, store.AggregateRequest{Query: q, From: from})
}

// seedQuery counts one thing. The last column of its table is the count.
type seedQuery struct {
	query string
	of    seedRange
	add   func(*tally, []event.Value)
}

// seedRange is of when a query counts.
type seedRange uint8

const (
	ofDay seedRange = iota
	ofTwoDays
	ofLastMinute
)

var (
	decisions = "(" + verdict.Decisions + ")"
	blocks    = decisions + " and waf.decision: block | stats n = count() by "
	most      = fmt.Sprintf(" | sort n desc | limit %d", maxNamed/4)
)

var seeds = []seedQuery{
	{decisions + " | stats n = count() by waf.decision, t = bucket(@timestamp, 1m) | keep waf.decision, t, n", ofTwoDays, func(t *tally, row []event.Value) {
		at, n, blocked := time.Unix(0, row[1].Int()), uint64(row[2].Int()), row[0].Text() == "block"
		t.count(at, blocked, n)
	}},
	{decisions + " | stats n = count() by t = bucket(@timestamp, 1s) | keep t, n", ofLastMinute, func(t *tally, row []event.Value) {
		t.pace.seed(t.tick, t.began.Sub(time.Unix(0, row[0].Int())), uint64(row[1].Int()))
	}},
	{"event.dataset: " + query.Quote(detection.Dataset) + " | stats n = count()", ofDay, func(t *tally, row []event.Value) {
		t.totals.Findings += uint64(row[0].Int())
	}},
	{blocks + "client.ip, client.geo.country_iso_code" + most + " | keep client.ip, client.geo.country_iso_code, n", ofDay, func(t *tally, row []event.Value) {
		t.attackers.add(clip(row[0].String()), clip(row[1].Text()), [3]string{}, uint64(row[2].Int()))
	}},
	{blocks + "url.path, waf.site" + most + " | keep url.path, waf.site, n", ofDay, func(t *tally, row []event.Value) {
		t.targets.add(clip(row[0].Text())+"\x00"+clip(row[1].Text()), clip(row[1].Text()), [3]string{}, uint64(row[2].Int()))
	}},
	{blocks + "rule.id" + most + " | keep rule.id, n", ofDay, func(t *tally, row []event.Value) {
		t.rules.add(clip(row[0].Text()), "", [3]string{}, uint64(row[1].Int()))
	}},
	{arcsOf("client.ip: *", "client"), ofDay, seedArc},
	{arcsOf("not client.ip: *", "source"), ofDay, seedArc},
}

// arcsOf asks where what was blocked came from, by the side of the events that a
// filter takes; see origin.
func arcsOf(filter, side string) string {
	columns := side + ".geo.country_iso_code, " + side + ".geo.city_name, waf.site"
	return decisions + " and waf.decision: block and " + filter + " | stats n = count() by " + columns + most + " | keep " + columns + ", n"
}

func seedArc(t *tally, row []event.Value) {
	t.arc(clip(row[0].Text()), clip(row[1].Text()), clip(row[2].Text()), false, uint64(row[3].Int()))
}
