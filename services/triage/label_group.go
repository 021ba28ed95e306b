package triage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// MaxGroupLabels is how many decisions one act labels at most.
const MaxGroupLabels = 1000

// GroupLabel asks for a label of all decisions of a selection that are like one: of its
// group.
type GroupLabel struct {
	Selection
	Like    Ref // a decision of the group
	Label   string
	Reason  string
	Actor   string
	Preview bool   // says what would be labelled, and labels nothing
	Covers  string // of a preview: the act must cover just what that did; "" takes what there is
	All     bool   // labels also what the verdict is sure that the label is wrong about
}

// sure is the probability from which on a verdict contradicts a label that says
// otherwise.
const sure = 0.9

// contradicts tells whether the verdict of a decision is sure that a label is wrong.
func contradicts(x *Decision, label string) bool {
	if !x.Judged {
		return false
	}
	switch Truth(label) {
	case verdict.Legitimate:
		return x.PAttack >= sure
	case verdict.Attack:
		return x.PAttack <= 1-sure
	}
	return false
}

// Covered says what an act about many decisions is about.
type Covered struct {
	GroupKey
	Act      int64  // 0 in a preview
	N        int    // decisions that were labelled, or whose labels were undone
	Labelled int    // decisions of the group that have a label already, and keep it
	More     bool   // the group has more than one act labels: the newest were taken
	Covers   string // names the decisions: equal texts, equal decisions
	First    time.Time
	Last     time.Time
	Examples []Ref // the newest
	KeptOut  int   // decisions that were left out since the verdict contradicts the label
	Outside  int   // decisions of the group without a label, in the time range, that the filter does not take

	// Judged decisions among the N, and the least and the greatest probability of an
	// attack among them, with the decisions.
	Judged                 int
	LeastP, MostP          float64
	LeastLikely, Likeliest Ref
}

// LabelGroup labels the decisions of a group that a selection takes and that have no
// label, the newest ones up to [MaxGroupLabels], in one act. Those of which the verdict is sure that the label
// is wrong (p_attack of 0.9 and more for a label that says legitimate, 0.1 and less
// for an attack) are left out unless All is set. It is one leaf of the audit log, and one record of the
// queue for each decision, all or nothing. Rates take the labels for the truth of
// these decisions, and for no sample of others.
func (d *Desk) LabelGroup(ctx context.Context, l GroupLabel) (*Covered, error) {
	if !slices.Contains(labels, l.Label) {
		return nil, fmt.Errorf("label %.40q %w: want %s", l.Label, ErrInvalid, strings.Join(labels, ", "))
	}
	if n := len(l.filter()); n > maxFilter {
		return nil, fmt.Errorf("filter of %d bytes %w: want at most %d for labels", n, ErrInvalid, maxFilter)
	}
	if !l.Preview {
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	like, err := d.Get(ctx, l.Like)
	if err != nil {
		return nil, err
	}
	c := &Covered{GroupKey: like.key()}
	all, err := d.members(ctx, l, c)
	if err != nil || l.Preview {
		return c, err
	}
	if l.Covers != "" && l.Covers != c.Covers {
		return nil, fmt.Errorf("group of %.200q: it %w: look at what would be labelled again", l.Like.ID, state.ErrConflict)
	}
	if len(all) == 0 {
		return c, nil
	}
	leaf := c.leaf(audit.ActLabel, l.Actor, l.Reason)
	leaf.Detail["label"] = l.Label
	if f := l.filter(); f != "" {
		leaf.Detail["filter"], leaf.Detail["outside"] = f, strconv.Itoa(c.Outside)
	}
	if c.KeptOut > 0 {
		leaf.Detail["kept_out"] = strconv.Itoa(c.KeptOut)
	}
	c.Act, err = d.say(ctx, leaf, all, func(*Detail) state.Label {
		return state.Label{Label: l.Label, Reason: l.Reason, Actor: l.Actor, Within: l.filter()}
	})
	return c, err
}

// members returns the decisions of the group that an act would label. It reads those
// that the filter does not take too, to say how many there are.
func (d *Desk) members(ctx context.Context, l GroupLabel, c *Covered) ([]*Detail, error) {
	s, fields, within := Selection{From: l.From, To: l.To}, summary, query.NewMatcher(query.All)
	filtered := l.filter() != ""
	if filtered {
		fields, within = slices.Concat(query.ExprFields(l.Filter), summary), query.NewMatcher(l.Filter)
	}
	m, err := d.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	var all []*Detail
	partial, err := d.scan(ctx, s, fields, func(e *event.Event) error {
		x := &Detail{Matches: readMatches(e)}
		x.read(e)
		if x.key() != c.GroupKey {
			return nil
		}
		m.on(&x.Decision)
		switch {
		case !within.Match(query.EventRow{Event: e}):
			if x.Label.ID == 0 {
				c.Outside++
			}
		case x.Label.ID != 0:
			c.Labelled++
		case !l.All && contradicts(&x.Decision, l.Label):
			c.KeptOut++
		case len(all) < MaxGroupLabels:
			all = append(all, x)
		default:
			if c.More = true; !filtered {
				return errEnough
			}
		}
		return nil
	})
	if err == nil && len(partial) > 0 {
		err = fmt.Errorf("read decisions: the answer of the store is not whole: %s", partial[0])
	}
	c.describe(all)
	return all, err
}

// describe fills in what a list of decisions tells.
func (c *Covered) describe(all []*Detail) {
	h := sha256.New()
	for i, x := range all {
		fmt.Fprintf(h, "%q %q\n", x.Source, x.ID)
		if i == 0 {
			c.Last = x.Time
		}
		c.First = x.Time
		if len(c.Examples) < maxExamples {
			c.Examples = append(c.Examples, x.Ref)
		}
		if !x.Judged {
			continue
		}
		if c.Judged++; c.Judged == 1 || x.PAttack < c.LeastP {
			c.LeastP, c.LeastLikely = x.PAttack, x.Ref
		}
		if c.Judged == 1 || x.PAttack > c.MostP {
			c.MostP, c.Likeliest = x.PAttack, x.Ref
		}
	}
	c.N, c.Covers = len(all), hex.EncodeToString(h.Sum(nil))
}

func (c *Covered) leaf(what, actor, reason string) audit.Leaf {
	l := audit.Leaf{Actor: actor, Act: what, Object: c.text(), Hash: c.Covers, Detail: map[string]string{
		"decisions": strconv.Itoa(c.N), "first": c.First.Format(time.RFC3339Nano), "last": c.Last.Format(time.RFC3339Nano),
	}}
	if reason != "" {
		l.Detail["reason"] = reason
	}
	return l
}

// say adds a row to what is said of each of some decisions, as one act.
func (d *Desk) say(ctx context.Context, leaf audit.Leaf, all []*Detail, row func(*Detail) state.Label) (int64, error) {
	var id int64
	err := d.do(ctx, act{leaf: leaf, ids: len(all), make: func(a state.LabelAct) (events []*event.Event, late state.Late) {
		id = a.ID
		for i, x := range all {
			l := row(x)
			if l.ID, l.Act = a.ID+int64(i), a.ID; i > 0 {
				l.Within = "" // the first label has it for all
			}
			events = append(events, x.say(&l, a.Time))
			late.Labels = append(late.Labels, l)
			if !x.Gone {
				late.Verdicts = append(late.Verdicts, x.Latest)
			}
		}
		return events, late
	}})
	d.wake()
	return id, err
}

// UndoAct takes back all labels of an act that still hold, as one act. A decision
// that the store has no more loses the label, and gets no new verdict: what it was is
// not known.
func (d *Desk) UndoAct(ctx context.Context, id int64, reason, actor string) (*Covered, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	given, err := d.State.LabelsOfAct(ctx, id, MaxGroupLabels)
	if err != nil {
		return nil, err
	}
	if len(given) == 0 {
		return nil, fmt.Errorf("labels of act %d: %w, or all of them are undone already", id, state.ErrNotFound)
	}
	all, err := d.labelled(ctx, given)
	if err != nil {
		return nil, err
	}
	c := &Covered{GroupKey: all[0].key()}
	c.describe(all)
	leaf := c.leaf(audit.ActUnlabel, actor, reason)
	leaf.Detail["undoes"] = strconv.FormatInt(id, 10)
	c.Act, err = d.undo(ctx, leaf, all, given)
	return c, err
}
