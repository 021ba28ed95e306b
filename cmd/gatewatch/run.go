package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	pack "github.com/gatewatch/gatewatch/rules"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/alert"
	"github.com/gatewatch/gatewatch/services/api"
	"github.com/gatewatch/gatewatch/services/archive"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/console"
	"github.com/gatewatch/gatewatch/services/enrich"
	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
	"github.com/gatewatch/gatewatch/services/wall"
)

// stopTime bounds how long the parts may take to end in order.
const stopTime = 30 * time.Second

// lastTime bounds what the state is told last, after they have ended.
const lastTime = 10 * time.Second

// server is the parts of a running server, in the order in which records pass
// them.
type server struct {
	settings settings
	log      *slog.Logger
	metrics  *prometheus.Registry
	audit    *audit.Log
	sealer   *audit.Sealer
	census   census
	recalled bool // that the audit log is the one of the state was looked into
	state    *state.DB
	notifier *alert.Notifier
	tokens   *access.Tokens
	people   *access.Accounts
	console  *console.Console
	board    *wall.Board
	setup    string // how the first administrator signs in, "" if there are accounts
	queue    *queue.Disk
	sink     *ingest.Sink
	nodes    *ingest.NodeServer
	enrich   *enrich.Keeper     // nil without the role detect
	rules    *rules.Keeper      // nil without the role detect
	pipeline *pipeline.Pipeline // nil without the role detect
	store    *store.Columnar
	requests *requestKeys
	archives *archive.Watch // nil without archive.dir
	fleet    *fleet.Fleet
	tuner    *proposals.Keeper
	whatIf   *whatif.Runner
	desk     *triage.Desk
	api      *api.API

	listeners []listener
	serving   sync.WaitGroup // the listeners
	running   sync.WaitGroup // the pipeline, retention and other work behind
	isReady   atomic.Bool
	cancel    context.CancelFunc
	failed    chan error // the first failure of a part
}

// start wires and starts a server. On an error nothing is left running.
func start(ctx context.Context, s settings, log *slog.Logger) (*server, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := newServer(s, log, cancel)
	if err := v.open(ctx, run); err != nil {
		return nil, errors.Join(err, v.stop())
	}
	return v, nil
}

// newServer makes a server without its parts.
func newServer(s settings, log *slog.Logger, cancel context.CancelFunc) *server {
	v := &server{settings: s, log: log, metrics: prometheus.NewRegistry(), cancel: cancel, failed: make(chan error, 1)}
	v.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	return v
}

func (v *server) open(ctx, run context.Context) (err error) {
	dir := v.settings.Data
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := checkRestored(dir); err != nil {
		return err
	}
	if err := v.settings.checkArchives(); err != nil {
		return err
	}
	removed := os.Remove(filepath.Join(dir, listenFile)) // of a run before this one
	if removed != nil && !errors.Is(removed, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", listenFile, removed)
	}
	if err := v.openAudit(); err != nil {
		return err
	}
	if v.tokens, err = v.openTokens(); err != nil {
		return err
	}
	if path, made, err := v.tokens.Bootstrap(); err != nil {
		return err
	} else if made {
		v.log.Info("administrator token made", "file", path)
	}
	if err := v.openStore(); err != nil {
		return err
	}
	retention := state.NewRetention(v.state, v.settings.State, v.log, v.metrics)
	v.running.Go(func() { retention.Run(run) })
	v.running.Go(func() { v.keepRemembering(run) })
	v.running.Go(func() { v.expireRequests(run) })
	if err := v.openNotifier(run); err != nil {
		return err
	}
	if v.sink, err = ingest.Open(ctx, filepath.Join(dir, "ingest"), v.queue, v.settings.Ingest, v.log, v.metrics); err != nil {
		return err
	}
	v.sink.Protect(v.tokens.Named)
	if err := v.openPeople(run); err != nil {
		return err
	}
	if v.census, err = openCensus(ctx, v.state); err != nil {
		return err
	}
	if v.settings.has(roleDetect) {
		if err := v.openPipeline(run); err != nil {
			return err
		}
	}
	if err := v.auditStart(audit.ActStart, v.settings); err != nil {
		return err
	}
	if err := v.listen(run); err != nil {
		return err
	}
	v.running.Go(func() { v.keepCensus(run) })
	if v.pipeline != nil {
		v.running.Go(func() { v.fail("triage", v.reviseVerdicts(run)) })
	}
	return nil
}

// reviseVerdicts runs what revises verdicts, once the pipeline has passed on what
// the queue held at the start.
func (v *server) reviseVerdicts(ctx context.Context) error {
	_, next := v.queue.Bounds()
	err := v.pipeline.Wait(ctx, next)
	if err == nil {
		err = v.desk.Settle(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	if shadow := v.newShadow(); shadow != nil {
		beside.Go(func() { shadow.Run(ctx) })
	}
	v.desk.Run(ctx)
	return nil
}

// openStore opens the queue and the store, whose memory of the queue keeps a
// queue that was removed from giving out its offsets again.
func (v *server) openStore() (err error) {
	if err := v.settings.openKeys(); err != nil {
		return err
	}
	v.requests = &requestKeys{settings: &v.settings}
	dir, s := v.settings.Data, v.settings
	s.Store.Archive, s.Store.Replays = v.archiver(), v.replays
	if err := v.openSegments(s.Store); err != nil {
		return err
	}
	if v.state, err = state.Open(context.Background(), dir, time.Now); err != nil {
		return err
	}
	if err := v.recallAudit(context.Background()); err != nil {
		return err
	}
	s.Queue.Consumers = []string{pipeline.Consumer, ingest.Consumer}
	s.Queue.Floor = queue.Offset(v.store.Applied())
	v.queue, err = queue.Open(filepath.Join(dir, "queue"), s.Queue, v.log, v.metrics)
	return err
}

// replays tells whether the queue, which need not be open, holds all records of
// the offsets first <= o < next.
func (v *server) replays(first, next uint64) bool {
	q, err := queue.OpenSnapshot(filepath.Join(v.settings.Data, "queue"), v.settings.Queue.Keys)
	if err != nil {
		return false
	}
	oldest, end := q.Bounds()
	return uint64(oldest) <= first && uint64(end) >= next
}

func (v *server) openPipeline(run context.Context) (err error) {
	line, err := v.newPipeline()
	if err != nil {
		return err
	}
	if err := v.rules.Start(run); err != nil && !errors.Is(err, queue.ErrFull) {
		return err
	}
	if _, err := v.enrich.Refresh(run); err != nil && !errors.Is(err, queue.ErrFull) {
		return err
	}
	if n, err := triage.Rebuild(run, v.store, v.state); err != nil {
		return err
	} else if n > 0 {
		v.log.Info("labels of decisions were made again from the store", "events", n)
	}
	v.pipeline = line
	v.metrics.MustRegister(v.waiting())
	v.running.Go(func() { v.fail("pipeline", v.pipeline.Run(run)) })
	v.running.Go(func() { v.fail("rules", v.rules.Watch(run)) })
	mend := pipeline.Source(v.settings.Pipeline, pipeline.Mending{Queue: v.queue, Enrichments: v.enrich, Alerts: v.state, Log: v.log})
	v.running.Go(func() { v.fail("store", v.store.Mend(run, mend)) })
	v.running.Go(func() { v.fail("enrich", v.enrich.Watch(run)) })
	return nil
}

// waiting counts the records that nobody can find yet, for alarms.
func (v *server) waiting() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatewatch_pipeline_waiting_records", Help: "Records of the queue whose events cannot be found yet; 0 on an idle server.",
	}, func() float64 {
		_, next := v.queue.Bounds()
		return float64(next - min(next, max(1, v.pipeline.Offset())))
	})
}

// newPipeline makes the pipeline with the rules that were in use last.
func (v *server) newPipeline() (*pipeline.Pipeline, error) {
	dir := v.settings.Data
	var err error
	v.rules, err = rules.Open(v.settings.Rules, rules.Options{
		Dir: filepath.Join(dir, "rules"), Pack: pack.FS, Queue: v.queue, Log: v.log, Now: time.Now,
		Metrics: v.metrics, Audit: v.auditRules,
	})
	if err != nil {
		return nil, err
	}
	if err := v.openEnrich(); err != nil {
		return nil, err
	}
	return pipeline.New(v.settings.Pipeline, pipeline.Options{
		Queue: v.queue, Store: v.store, Log: v.log, Now: time.Now, Metrics: v.metrics, Enrichments: v.enrich,
		Detectors: v.rules, State: filepath.Join(dir, "detect"), Alerts: v.state, Revisions: v.state,
		Keys: v.settings.Queue.Keys, Encrypt: v.settings.Encryption.Enabled,
	})
}

// fail reports the first failure of a part.
func (v *server) fail(part string, err error) {
	if err == nil {
		return
	}
	select {
	case v.failed <- fmt.Errorf("%s: %w", part, err):
	default:
		v.log.Error("another part failed", "part", part, "error", err)
	}
}

// stop ends the parts in the order in which records pass them: what was
// received is made durable, and what is durable is stored if there is time.
func (v *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	v.isReady.Store(false)
	v.closeListeners(ctx)
	var all []error
	if v.sink != nil {
		all = append(all, v.sink.Close())
	}
	v.drain(ctx)
	v.cancel()
	if v.tuner != nil {
		v.tuner.Close()
		v.whatIf.Close()
	}
	v.running.Wait()
	if v.store != nil {
		all = append(all, v.store.Close())
	}
	if v.queue != nil {
		all = append(all, v.queue.Close())
	}
	if v.state != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastTime) // draining may have taken all of the other
		defer cancel()
		all = append(all, v.takeCensus(ctx), v.leaveAudit(ctx), v.state.Close())
	}
	if v.audit != nil {
		all = append(all, v.audit.Close())
	}
	return errors.Join(all...)
}

// drain waits until the pipeline has stored what the queue holds. What it
// cannot store in time, or has no room for, it stores after the next start.
func (v *server) drain(ctx context.Context) {
	if v.pipeline == nil {
		return
	}
	_, next := v.queue.Bounds()
	if err := v.pipeline.Wait(ctx, next); err != nil {
		v.log.Warn("stopping before the queue is empty, the next start goes on", "stored", v.pipeline.Offset(), "queued", next, "error", err)
	}
}

func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatewatch_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version},
	})
	g.Set(1)
	return g
}
