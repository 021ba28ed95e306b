// Package pipeline is the straight line from the queue to the store: read a
// batch, parse its records, enrich the events, detect, write, commit. It can be
// started from any offset of the queue and makes the same events again.
package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Consumer is the name under which the pipeline commits its offset.
const Consumer = "store"

// Config says how records are read. The zero value is usable.
type Config struct {
	Zone           string                  `help:"time zone of log times that name none, such as Asia/Shanghai; UTC if empty"`
	TrustedProxies []string                `help:"proxies whose word about the client's address is taken, as addresses or CIDR prefixes"`
	BatchEvents    int                     `help:"events written to the store at once"`
	Verdicts       string                  `help:"judge decisions of WAFs that come without a verdict: on or off"`
	Prior          float64                 `help:"share of attacks among decisions that these verdicts are calibrated for, between 0 and 1; 0 is that of the model's training data"`
	Sources        map[string]SourceConfig `yaml:"sources" help:"what is known of sources: {NAME: {format: F, zone: Z, trusted_proxies: [P]}}"`
}

// SourceConfig overrides what is known of one source.
type SourceConfig struct {
	Format         string   `help:"format of its records, instead of the one they came with"`
	Zone           string   `help:"time zone of its times that name none"`
	TrustedProxies []string `help:"proxies in front of it"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	if c.BatchEvents == 0 {
		c.BatchEvents = 64 // so that they stay in the cache of a processor
	}
	if c.Verdicts == "" {
		c.Verdicts = verdictsOn
	}
	return c
}

// Store is what the pipeline needs of a store.
type Store interface {
	Write(ctx context.Context, b store.Batch) error
	// Applied returns the queue offset up to which (exclusive) events are durable.
	Applied() uint64
}

// Queue is what the pipeline needs of a queue; see [queue.Queue].
type Queue interface {
	Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error]
	Commit(ctx context.Context, consumer string, next queue.Offset) error
}

// Options are the parts that a pipeline is wired to.
type Options struct {
	Queue   Queue
	Store   Store
	Log     *slog.Logger
	Now     func() time.Time
	Metrics prometheus.Registerer

	Enrichments Enrichments // nil adds nothing to events

	Detectors Detectors // nil detects nothing
	State     string    // folder for the state of the detectors and of verdicts
	Alerts    Alerts    // takes what is found; nil: nobody does
	Revisions Revisions // keeps the newest verdicts; nil: nobody does
	// Keys open the state that is encrypted, nil if none is. Encrypt lets it be
	// encrypted with one of them.
	Keys    *vault.Ring
	Encrypt bool
	// Warm is the offset from which on detectors see events where they have no
	// state for the place at which the store stopped: as after a rewind. 0 lets
	// them begin at that place.
	Warm queue.Offset
}

// Pipeline moves records from the queue into the store. Run is called once;
// the other methods may be called concurrently with it.
type Pipeline struct {
	Options
	batchEvents int
	contexts    atomic.Pointer[contexts]
	sources     *sources
	metrics     *metrics
	enrichment  *enrichment
	verdicts    *verdicts
	stage       *stage // nil detects nothing

	events    []event.Event
	offsets   []uint64       // of the records that the events are of
	found     []*event.Event // those of events that are findings; memory of alert
	waiting   int            // of events, those that have not been written
	records   queue.Offset   // records that they are of
	stored    queue.Offset   // what is before it was in the store at the start: it is only detected on
	next      queue.Offset   // of the first record that has not been written
	committed queue.Offset

	progress progress
}

// New checks the configuration and wires a pipeline.
func New(cfg Config, o Options) (*Pipeline, error) {
	c, err := newContexts(cfg)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{Options: o, batchEvents: cfg.WithDefaults().BatchEvents}
	p.contexts.Store(c)
	if p.batchEvents < 0 {
		return nil, fmt.Errorf("pipeline.batch_events: want a positive number")
	}
	p.metrics = newMetrics(o.Metrics)
	p.sources = newSources(p.metrics)
	p.events = make([]event.Event, p.batchEvents)
	seed, err := seedIn(o.State)
	if err != nil {
		p.metrics.detectErrors.Inc()
		o.Log.Error("seed of verdicts is of this start alone", slog.Any("error", err))
	}
	p.verdicts = &verdicts{log: o.Log, metrics: p.metrics, memory: verdict.NewMemory(seed)}
	p.enrichment = &enrichment{Enrichments: o.Enrichments, log: o.Log, metrics: p.metrics}
	if o.Detectors != nil {
		p.stage = &stage{
			Detectors: o.Detectors, files: checkpoints{o.State, o.Keys, o.Encrypt}, log: o.Log, metrics: p.metrics, now: o.Now,
			enrichment: p.enrichment, memory: p.verdicts.memory,
		}
	}
	return p, nil
}

// Configure changes how records are read from the next batch on. The batch size
// stays.
func (p *Pipeline) Configure(cfg Config) error {
	c, err := newContexts(cfg)
	if err != nil {
		return err
	}
	p.contexts.Store(c)
	return nil
}

// Run reads the queue from where the store stopped until ctx ends, which is no
// error. A gap in the queue is logged and counted, and does not end it.
func (p *Pipeline) Run(ctx context.Context) error {
	return p.run(ctx, 0)
}

// RunTo is Run up to an offset of the queue (exclusive): it returns once
// everything before it is in the store.
func (p *Pipeline) RunTo(ctx context.Context, end queue.Offset) error {
	if p.applied() >= end {
		return nil
	}
	return p.run(ctx, end)
}

func (p *Pipeline) run(ctx context.Context, end queue.Offset) (err error) {
	defer p.change(func(g *progress) { g.ended = true })
	from := p.applied()
	p.stored = from
	p.reached(from)
	if p.stage != nil {
		if from, err = p.stage.begin(from, p.Warm); err != nil {
			return err
		}
		defer func() { p.stage.end(p.next) }()
	} else {
		p.enrichment.use(p.enrichment.current())
	}
	p.next = from
	for batch, err := range p.Queue.Batches(ctx, from) {
		var gap *queue.GapError
		switch {
		case errors.As(err, &gap):
			batch.Next = gap.To
			err = p.gap(ctx, gap)
		case err != nil:
			err = fmt.Errorf("read queue: %w", err)
		default:
			err = p.batch(ctx, batch)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if end != 0 && batch.Next >= end {
			return nil
		}
	}
	return nil
}

// applied is the offset up to which (exclusive) the store is complete for good.
// That of an empty one is the first there is.
func (p *Pipeline) applied() queue.Offset { return max(1, queue.Offset(p.Store.Applied())) }

// gap counts the records that the queue has lost, and passes over them: the
// store need not ask for them again.
func (p *Pipeline) gap(ctx context.Context, g *queue.GapError) error {
	p.next = g.From
	if g.To <= p.stored { // it was reported when the store passed over it
		p.next = g.To
		return nil
	}
	p.metrics.lost.Add(float64(g.To - g.From))
	p.Log.LogAttrs(ctx, slog.LevelError, "records of the queue are lost",
		slog.Uint64("from", uint64(g.From)), slog.Uint64("to", uint64(g.To)), slog.String("reason", g.Reason))
	if err := p.skip(ctx, g.To-g.From); err != nil {
		return err
	}
	p.reached(g.To)
	return p.commit(ctx)
}

// turnEvents is after how many events others go first that wait for the processor,
// which may be queries: about a millisecond. A goroutine is not interrupted for ten.
const turnEvents = 512

// batch parses and stores one batch of the queue in pieces of batchEvents.
func (p *Pipeline) batch(ctx context.Context, b queue.Batch) error {
	start := p.Now()
	p.next = b.First
	contexts := p.contexts.Load()
	turn := p.next + turnEvents
	for g := range b.Groups {
		group := &b.Groups[g]
		if group.Format == ControlFormat {
			if err := p.control(ctx, group); err != nil {
				return err
			}
			continue
		}
		c := contexts.of(group)
		s := p.sources.of(group.Source)
		for r := range group.Records {
			p.record(c, group, &group.Records[r], s)
			if p.waiting >= p.batchEvents || p.at() == p.stored {
				if err := p.write(ctx); err != nil {
					return err
				}
				if p.next >= turn {
					turn = p.next + turnEvents
					runtime.Gosched()
				}
			}
		}
	}
	if err := p.write(ctx); err != nil {
		return err
	}
	if b.Next > p.stored {
		p.sources.countStored(b, p.Now())
		p.reached(b.Next)
	}
	p.metrics.batchSeconds.Observe(p.Now().Sub(start).Seconds())
	return p.commit(ctx)
}

// at is the offset of the record at hand.
func (p *Pipeline) at() queue.Offset { return p.next + p.records }

// control obeys control records. They are no events: the store passes over them.
func (p *Pipeline) control(ctx context.Context, g *queue.Group) error {
	for i := range g.Records {
		if err := p.write(ctx); err != nil {
			return err
		}
		p.obey(g.Records[i].Raw)
		if err := p.skip(ctx, 1); err != nil {
			return err
		}
	}
	return nil
}

// obey does what a control record says.
func (p *Pipeline) obey(raw []byte) {
	var c Control
	if err := json.Unmarshal(raw, &c); err != nil {
		p.metrics.detectErrors.Inc()
		p.Log.Error("read control record", slog.Any("error", err))
	}
	if c.Enrichment != "" {
		p.enrichment.use(c.Enrichment)
	}
	if p.stage != nil {
		p.stage.control(c, p.next)
	}
}

// record makes the event of a record, and right behind it those of what is found
// in it. A record whose event is stored is only looked at, and a copy of a request
// only stored.
func (p *Pipeline) record(c *source, g *queue.Group, r *queue.Record, s *sourceStats) {
	at := p.at()
	if at < p.stored {
		s = nil
	}
	e := p.slot(at)
	p.parse(c, g, r, s, e)
	if c.kept {
		p.records++
		if p.stage != nil {
			p.stage.pass(at)
		}
		return
	}
	p.enrichment.enrich(e)
	if c.judged {
		p.verdicts.calibrate(c.prior)
		p.verdicts.judge(e)
	}
	p.records++
	if p.stage == nil {
		return
	}
	found := p.stage.detect(e, at)
	if c.judged {
		p.verdicts.found(p.stage.findings)
	}
	for i := range found {
		found[i].Write(p.slot(at))
	}
}

// slot returns the memory of the next event, which is of the record at an offset.
func (p *Pipeline) slot(at queue.Offset) *event.Event {
	if p.waiting == len(p.events) {
		p.events = append(p.events, event.Event{})
	}
	p.offsets = append(p.offsets[:p.waiting], uint64(at))
	p.waiting++
	return &p.events[p.waiting-1]
}

// parse makes the event of a record and counts it for its source, unless s is nil.
func (p *Pipeline) parse(c *source, g *queue.Group, r *queue.Record, s *sourceStats, e *event.Event) {
	c.context.Received = r.Received
	c.context.Header, c.context.Peer = g.Header, g.Peer
	err := c.format.Read(r.Raw, &c.context, e)
	switch {
	case s == nil:
	case err != nil:
		s.countFailed(parse.Reason(err))
	default:
		s.countParsed()
	}
	Envelope(e, g, r)
	c.attribute(e)
}

// maxEventID bounds the event.id that a record itself gives, in bytes. A longer
// one is in event.original alone: pages of a search are told apart by ids.
const maxEventID = 512

// Envelope writes into a parsed event what only the envelope knows: who sent
// the record, when it came, its id, and whether it was cut.
func Envelope(e *event.Event, g *queue.Group, r *queue.Record) {
	e.Source, e.Received = g.Source, r.Received
	if r.Cut {
		parse.MarkCut(e)
	}
	switch {
	case r.ID != "":
		e.ID = r.ID
	case e.ID == "" || len(e.ID) > maxEventID:
		e.ID = e.Build(func(dst []byte) []byte { return g.AppendEventID(dst, r) })
	}
	if g.Peer != "" && !e.Has(event.LogSourceAddress) {
		e.AddText(event.LogSourceAddress, g.Peer)
	}
}

// write hands the events that wait to the store and waits while it is full.
func (p *Pipeline) write(ctx context.Context) error {
	if p.records == 0 {
		return nil
	}
	return p.store(ctx)
}

// skip passes over n records that have no event. No event may wait.
func (p *Pipeline) skip(ctx context.Context, n queue.Offset) error {
	p.records = n
	return p.store(ctx)
}

func (p *Pipeline) store(ctx context.Context) error {
	next := p.at()
	b := store.Batch{Events: p.events[:p.waiting], First: uint64(p.next), Next: uint64(next), Offsets: p.offsets[:p.waiting]}
	done := func() error {
		for i := range b.Events { // the records they are of may be large
			b.Events[i].Reset()
		}
		p.next, p.records, p.waiting = next, 0, 0
		return nil
	}
	if next <= p.stored {
		return done()
	}
	// Alerts come first: what is in the store then has its alerts.
	if err := p.alert(ctx, next); err != nil {
		return err
	}
	if err := p.revise(ctx); err != nil {
		return err
	}
	if err := p.untilRoom(ctx, "store", func() error { return p.Store.Write(ctx, b) }); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return done()
}

// unstick notes that there is room.
func (p *Pipeline) unstick() {
	p.metrics.full.Set(0)
	if p.Stuck() != nil {
		p.change(func(g *progress) { g.stuck = nil })
	}
}

// untilRoom tries a write again until there is room for it.
func (p *Pipeline) untilRoom(ctx context.Context, part string, write func() error) error {
	wait := 100 * time.Millisecond
	for {
		err := write()
		if !errors.Is(err, store.ErrFull) && !errors.Is(err, state.ErrFull) {
			if err == nil {
				p.unstick()
			}
			return err
		}
		p.metrics.full.Set(1)
		p.change(func(g *progress) { g.stuck = err })
		p.Log.LogAttrs(ctx, slog.LevelWarn, "no room, waiting for it", slog.String("part", part), slog.Any("error", err), slog.Duration("wait", wait))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// commit lets the queue forget what the store holds durably.
func (p *Pipeline) commit(ctx context.Context) error {
	applied := p.applied()
	if p.stage != nil {
		p.stage.checkpoint(p.next, applied)
		applied = p.stage.needs(applied)
	}
	if applied <= p.committed {
		return nil
	}
	if err := p.settleAlerts(ctx, applied); err != nil {
		return err
	}
	if err := p.Queue.Commit(ctx, Consumer, applied); err != nil {
		return fmt.Errorf("commit queue: %w", err)
	}
	p.committed = applied
	return nil
}
