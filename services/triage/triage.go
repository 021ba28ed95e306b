// Package triage is the desk at which people go over the decisions of WAFs: it
// lists and groups them by how likely they are wrong, takes labels, draws the
// decisions to label next, and estimates how often a WAF is wrong.
//
// Everything is read from the stored events and the labels in the state. What a
// question takes in memory is bounded, whatever the events hold.
package triage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Errors that callers tell apart, with errors.Is.
var (
	// ErrNotFound means that no stored event is that decision.
	ErrNotFound = errors.New("no such decision")
	// ErrAmbiguous means that decisions of several sources have the id.
	ErrAmbiguous = errors.New("decisions of several sources have this id: name the source")
	// ErrInvalid means that a value is not one that can be.
	ErrInvalid = errors.New("is not valid")
	// ErrUndone means that a label does not hold any more, and so cannot be taken back.
	ErrUndone = errors.New("is undone already")
	// ErrNotReady means that acts are not taken yet.
	ErrNotReady = errors.New("labels are taken once the server has passed on what its queue held: try again in a moment")
	// ErrTooMany means that a question is about more than fits in memory.
	ErrTooMany = errors.New("too many decisions: narrow the time range or the filter")
)

// Events is what the desk needs of a store.
type Events interface {
	Search(ctx context.Context, r store.SearchRequest, yield func(*event.Event) error) (store.Page, error)
}

// Options are the parts of a desk.
type Options struct {
	Events Events
	State  *state.DB
	Queue  queue.Queue                                      // takes each label
	Audit  func(context.Context, audit.Leaf) (int64, error) // as each label is one
	Now    func() time.Time
	Log    *slog.Logger // nil logs nothing
	// Await, if not 0, holds acts up until Settle has returned, for so long, and then
	// refuses them with ErrNotReady: the state may lack what the queue holds, such as
	// ids of labels that were given out.
	Await time.Duration
}

// Desk answers questions about decisions. Its methods may be called concurrently.
type Desk struct {
	Options
	epoch queue.Epoch

	mu    sync.Mutex // one act after the other, so that revisions are counted
	seq   uint64     // of the records appended
	woken chan struct{}

	ready   chan struct{} // closed once acts are taken
	settled sync.Once
}

// New makes a desk.
func New(o Options) (*Desk, error) {
	d := &Desk{Options: o, ready: make(chan struct{}), woken: make(chan struct{}, 1)}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if o.Await == 0 {
		d.settle()
	}
	if _, err := rand.Read(d.epoch[:]); err != nil {
		return nil, fmt.Errorf("open triage: %w", err)
	}
	return d, nil
}

// Selection says which decisions a question is about.
type Selection struct {
	Filter   query.Expr // nil takes all
	From, To time.Time  // From <= @timestamp < To; a zero time is no bound
}

// filter is the filter as text, "" if it takes all.
func (s *Selection) filter() string {
	if s.Filter == nil || s.Filter == query.All {
		return ""
	}
	return s.Filter.String()
}

// decisions are the events of decisions, and of nothing that only says so.
var decisions = mustFilter(verdict.Decisions)

func mustFilter(text string) query.Expr {
	q, err := query.Parse(text, time.Time{})
	if err != nil {
		panic(err) // the text is part of the program
	}
	return q.Filter
}

// summary are the fields that groups, rates and samples look at.
var summary = []event.Key{
	event.Intern("@timestamp"), event.Intern("event.id"), event.Intern("gatewatch.source"), event.Intern("event.dataset"), event.GatewatchWAF,
	event.WAFSite, event.WAFNode, event.WAFDecision, event.WAFAction, event.WAFAnomalyScore,
	event.HTTPRequestMethod, event.URLDomain, event.URLPath, event.ClientIP, event.SourceIP, event.ObserverName, event.UserID, event.UserName,
	event.RuleID, event.WAFMatchRuleID, event.WAFMatchVariable, event.WAFMatchSeverity,
	event.VerdictPAttack, event.VerdictKind, event.VerdictModel, event.VerdictEvidence,
}

// listed are those that lists look at.
var listed = append(summary[:len(summary):len(summary)], event.HTTPRequestID, event.WAFSampleProb)

// scan hands the decisions of a selection to yield, the newest first, with the
// fields named, nil for all; source and id must be among them. Of events that share
// both there is the newest alone: a label or a draw is about one decision, however
// often a log sends its id. The event is valid during the call. It returns why the
// answer is not whole, if it is not.
func (d *Desk) scan(ctx context.Context, s Selection, fields []event.Key, yield func(*event.Event) error) ([]string, error) {
	q := &query.Query{Filter: decisions}
	if s.Filter != nil && s.Filter != query.All {
		q.Filter = &query.And{Exprs: []query.Expr{decisions, s.Filter}}
	}
	q.Text = q.Filter.String()
	if fields != nil {
		q.Pipes = []query.Pipe{&query.Keep{Fields: fields}}
	}
	once := newOnce()
	page, err := d.Events.Search(ctx, store.SearchRequest{Query: q, From: s.From, To: s.To}, func(e *event.Event) error {
		if !once.first(e) {
			return ctx.Err()
		}
		if err := yield(e); err != nil {
			return err
		}
		return ctx.Err()
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	return slices.Clone(page.Stats.Partial), nil
}

// errEnough ends a scan.
var errEnough = errors.New("enough")
