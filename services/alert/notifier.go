package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/state"
)

// Options are what a notifier works with.
type Options struct {
	State   *state.DB
	Secret  string // of the environment, in the form of the file; "" for that of the file
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Notifier tells a webhook of findings. Its methods may be called concurrently.
type Notifier struct {
	Options
	metrics *metrics
	wake    chan struct{} // holds a word that the configuration is another one
	testing chan struct{} // holds the test under way
	every   time.Duration // between two looks for what is new

	mu     sync.Mutex
	config Config
	hook   *webhook // nil while nobody is told

	// Run alone uses these.
	failures int           // in a row
	resting  time.Time     // nothing is tried before
	told     int           // stands for what the state was told: see [Notifier.follow]
	taken    *state.Notice // that the receiver took and the state could not keep, nil for none
}

// Times of the loop.
const (
	pollEvery = 2 * time.Second
	minWait   = 5 * time.Second // before the second try of a message
	maxWait   = time.Hour
	minRest   = time.Second // of the webhook after a try that came to nothing
	maxRest   = time.Minute
)

// severe is the severity from which on all of the budget is there for a finding.
const severe = 70

// Open makes a notifier. The error names the key of the configuration.
func Open(c Config, o Options) (*Notifier, error) {
	n := &Notifier{Options: o, metrics: newMetrics(o), wake: make(chan struct{}, 1), testing: make(chan struct{}, 1), every: pollEvery}
	if err := n.Configure(c); err != nil {
		return nil, err
	}
	return n, nil
}

// Check tells whether a notifier could be made.
func Check(c Config, secret string) error {
	if c.URL == "" {
		return nil
	}
	_, err := newWebhook(c.WithDefaults(), secret, nil)
	return err
}

// Configure puts a configuration in use, and reads the secrets again. An error
// leaves the one before in use.
func (n *Notifier) Configure(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c = c.WithDefaults()
	var hook *webhook
	if c.URL != "" {
		var err error
		if hook, err = newWebhook(c, n.Secret, n.Now); err != nil {
			return err
		}
	}
	n.mu.Lock()
	old := n.hook
	n.config, n.hook = c, hook
	n.mu.Unlock()
	if old != nil {
		old.close()
	}
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return nil
}

func (n *Notifier) current() (Config, *webhook) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.config, n.hook
}

// Run tells of findings until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for {
		if err := n.step(ctx); err != nil && ctx.Err() == nil {
			n.metrics.errors.Inc()
			n.Log.Error("findings are not told for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
			n.failures, n.resting = 0, time.Time{}
		case <-tick.C:
		}
	}
}

// step does what is due.
func (n *Notifier) step(ctx context.Context) error {
	c, hook := n.current()
	if err := n.follow(ctx, hook != nil); err != nil || hook == nil {
		return err
	}
	for more := true; more; {
		var err error
		more, err = n.State.PlanNotices(ctx, state.NoticePlan{
			MinSeverity: int64(c.Severity), PerHour: c.PerHour, PerRule: c.PerRule, Severe: severe, Make: findingMessage,
		})
		if err != nil {
			return err
		}
	}
	_, err := n.State.DigestNotices(ctx, c.Digest, func(held []state.HeldRule) (string, string, error) { return digestMessage(n.Now(), held) })
	if err != nil {
		return err
	}
	return n.deliver(ctx, c, hook)
}

// What the state was told last.
const (
	toldNothing = iota
	toldOn
	toldOff
)

// follow has the state remember which alerts are new as long as somebody is told.
func (n *Notifier) follow(ctx context.Context, on bool) error {
	want, say := toldOff, n.State.StopNotices
	if on {
		want, say = toldOn, n.State.StartNotices
	}
	if n.told == want {
		return nil
	}
	if err := say(ctx); err != nil {
		return err
	}
	n.told = want
	return nil
}

// deliver tries what is due until one try comes to nothing: a receiver that is away
// is not asked again for each message.
func (n *Notifier) deliver(ctx context.Context, c Config, hook *webhook) error {
	if err := n.keepTaken(ctx); err != nil {
		return err
	}
	if err := n.giveUpOverdue(ctx, c); err != nil {
		return err
	}
	for ctx.Err() == nil && !n.Now().Before(n.resting) {
		notice, err := n.State.DueNotice(ctx)
		if errors.Is(err, state.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		sent := hook.send(ctx, notice.ID, []byte(notice.Content))
		if ctx.Err() != nil {
			return nil // whether it was taken is not known: it is sent again
		}
		if err := n.settle(ctx, c, notice, sent); err != nil {
			return err
		}
	}
	return nil
}

// settle keeps what came of a try.
func (n *Notifier) settle(ctx context.Context, c Config, notice state.Notice, sent error) error {
	kind := string(notice.Kind)
	if sent == nil {
		n.failures = 0
		n.metrics.tries.WithLabelValues(kind, "delivered").Inc()
		n.taken = &notice
		return n.keepTaken(ctx)
	}
	now := n.Now()
	rest := backOff(n.failures, minRest, maxRest)
	n.failures++
	var r *refusal
	if errors.As(sent, &r) {
		rest = max(rest, r.after)
	}
	n.resting = now.Add(rest)
	end := notice.Created.Add(c.GiveUp)
	if !now.Before(end) {
		notice.Tries, notice.Reason = notice.Tries+1, sent.Error()
		return n.giveUp(ctx, notice)
	}
	n.metrics.tries.WithLabelValues(kind, "failed").Inc()
	if n.failures == 1 {
		n.Log.Warn("message about findings was not taken, it is sent again", "id", notice.ID, "error", sent)
	}
	next := now.Add(max(backOff(notice.Tries, minWait, maxWait), rest))
	if next.After(end) {
		next = end
	}
	return n.State.NoticeFailed(ctx, notice, sent.Error(), next)
}

// giveUpOverdue gives up what is overdue while the receiver takes nothing: a last try of
// each, of which there is one in a rest, would make the last ones hours late.
func (n *Notifier) giveUpOverdue(ctx context.Context, c Config) error {
	for n.failures > 0 {
		notice, err := n.State.OverdueNotice(ctx, n.Now().Add(-c.GiveUp))
		if errors.Is(err, state.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := n.giveUp(ctx, notice); err != nil {
			return err
		}
	}
	return nil
}

func (n *Notifier) giveUp(ctx context.Context, notice state.Notice) error {
	n.metrics.tries.WithLabelValues(string(notice.Kind), "dead").Inc()
	n.Log.Error("message about findings is given up, the next digest tells of them", "id", notice.ID, "tries", notice.Tries, "error", notice.Reason)
	return n.State.GiveUpNotice(ctx, notice)
}

// keepTaken keeps that a message was taken. Until the state can, nothing more is sent:
// as long as a disk is full, the receiver would get the same message at every look.
func (n *Notifier) keepTaken(ctx context.Context) error {
	if n.taken == nil {
		return nil
	}
	if err := n.State.NoticeArrived(ctx, *n.taken); err != nil {
		return err
	}
	n.taken = nil
	return nil
}

// backOff doubles a wait with each try, up to a longest one, and varies it by a
// fifth: senders that failed together do not come back together.
func backOff(tries int, first, longest time.Duration) time.Duration {
	d := longest
	if tries < 16 {
		d = min(first<<tries, longest)
	}
	return d - time.Duration(rand.Int64N(int64(d)/5+1)) //nolint:gosec // no secret
}

// ErrOff means that nobody is told of findings.
var ErrOff = errors.New("no webhook is configured: set notify.url and notify.secret_file")

// ErrTesting means that a test is under way.
var ErrTesting = errors.New("a test message is under way")

// Test sends a test message once and returns its id.
func (n *Notifier) Test(ctx context.Context) (id string, err error) {
	_, hook := n.current()
	if hook == nil {
		return "", ErrOff
	}
	select {
	case n.testing <- struct{}{}:
		defer func() { <-n.testing }()
	default:
		return "", ErrTesting
	}
	id = newID()
	if err := hook.send(ctx, id, testMessage(n.Now())); err != nil {
		return "", fmt.Errorf("send test message: %w", err)
	}
	return id, nil
}

// Status is what the channel does.
type Status struct {
	On      bool
	Host    string // of the webhook
	Secrets int    // that sign
	state.NoticeCounts
	Dead []state.Notice // the newest that were given up
}

// maxDead bounds the list of what was given up.
const maxDead = 20

// Status tells what the channel does.
func (n *Notifier) Status(ctx context.Context) (s Status, err error) {
	if _, hook := n.current(); hook != nil {
		s.On, s.Host, s.Secrets = true, hook.url.Host, len(hook.secrets)
	}
	if s.NoticeCounts, err = n.State.CountNotices(ctx); err != nil {
		return s, err
	}
	s.Dead, err = n.State.Notices(ctx, state.NoticeDead, maxDead)
	return s, err
}
