package sigma

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Explanation says why a rule matches an event, or what is nearest to a match.
type Explanation struct {
	Matched bool

	// Condition is the one that holds, or that is nearest to holding.
	Condition *Condition

	// Reasons are, of a match, the items that make the condition hold; else the
	// fewest items that would have to turn out otherwise.
	Reasons []Reason
}

// Reason is one item and what the event has for it.
type Reason struct {
	Detection *Detection
	Item      *Item
	Wanted    bool // whether the condition needs the item to hold
	Holds     bool // whether it does

	// Where the item holds by a value: the field and its value, and which of the
	// item's values it satisfies, else -1.
	Field   string
	Value   event.Value
	Pattern int

	// Present are the values of the item's field, at most three; none for keywords.
	Present []event.Value
}

// maxReasonText bounds the bytes of a value in a text of a reason.
const maxReasonText = 80

// String is the reason in words, with the place of the item in the rule.
func (r *Reason) String() string {
	name := "a keyword"
	if r.Item.Field != "" {
		name = r.Item.Field
		for _, m := range r.Item.Modifiers {
			name += "|" + m.String()
		}
	}
	at, holds := r.Item.Pos, "does not hold"
	if r.Pattern >= 0 && r.Pattern < len(r.Item.Values) && r.Item.Values[r.Pattern].Pos != (Pos{}) {
		at = r.Item.Values[r.Pattern].Pos
	}
	if r.Holds {
		holds = "holds"
	}
	s := fmt.Sprintf("%s of %q at %v %s", name, r.Detection.Name, at, holds)
	switch {
	case r.Holds && r.Pattern >= 0:
		return s + fmt.Sprintf(" by %s = %.*q", r.Field, maxReasonText, r.Value.String())
	case !r.Holds && len(r.Present) > 0:
		return s + fmt.Sprintf(", the event has %.*q", maxReasonText, r.Present[0].String())
	case !r.Holds && r.Item.Field != "":
		return s + ", the event does not have the field"
	}
	return s
}

// maxPresent bounds Reason.Present.
const maxPresent = 3

// Explain says why the rule matches or does not.
func (ref *Reference) Explain(e *event.Event) Explanation {
	ex := explainer{ref, e}
	var best Explanation
	for i, c := range ref.Rule.Conditions {
		if ref.expr(c.Expr, e) {
			return Explanation{true, c, ex.expr(c.Expr, true)}
		}
		if r := ex.expr(c.Expr, true); i == 0 || len(r) < len(best.Reasons) {
			best = Explanation{false, c, r}
		}
	}
	return best
}

type explainer struct {
	*Reference
	event *event.Event
}

// expr returns the items that make x what is wanted, or if it is not, the fewest
// that must change.
func (ex explainer) expr(x *Expr, want bool) []Reason {
	switch x.Op {
	case ExprNot:
		return ex.expr(x.Args[0], !want)
	case ExprRef:
		d := findDetection(ex.Rule.Detections, x.Name)
		return ex.node(d, d.Node, want)
	case ExprOf:
		list := Covered(ex.Rule.Detections, x.Name)
		need := x.Count
		if need == 0 {
			need = len(list)
		}
		return ex.some(len(list), need, want,
			func(i int) bool { return ex.Reference.node(list[i].Node, ex.event) },
			func(i int) []Reason { return ex.node(list[i], list[i].Node, want) })
	}
	need := 1
	if x.Op == ExprAnd {
		need = len(x.Args)
	}
	return ex.some(len(x.Args), need, want,
		func(i int) bool { return ex.Reference.expr(x.Args[i], ex.event) },
		func(i int) []Reason { return ex.expr(x.Args[i], want) })
}

func (ex explainer) node(d *Detection, n *Node, want bool) []Reason {
	if n.Op == OpItem {
		return []Reason{ex.item(d, n.Item, want)}
	}
	need := 1
	if n.Op == OpAnd {
		need = len(n.Nodes)
	}
	return ex.some(len(n.Nodes), need, want,
		func(i int) bool { return ex.Reference.node(n.Nodes[i], ex.event) },
		func(i int) []Reason { return ex.node(d, n.Nodes[i], want) })
}

// some explains a threshold: need of n parts must hold, or, if that is not wanted,
// n-need+1 of them must not. Parts that are as wanted come first, then those that
// take the fewest changes; if as many as needed are as wanted, only those count.
func (ex explainer) some(n, need int, want bool, holds func(int) bool, explain func(int) []Reason) []Reason {
	if !want {
		need = n - need + 1
	}
	var have, lack [][]Reason
	for i := range n {
		if holds(i) == want {
			have = append(have, explain(i))
		} else {
			lack = append(lack, explain(i))
		}
	}
	if len(have) >= need {
		return joinReasons(have[:need])
	}
	for i := range lack { // by number of changes; stable
		for j := i; j > 0 && len(lack[j]) < len(lack[j-1]); j-- {
			lack[j], lack[j-1] = lack[j-1], lack[j]
		}
	}
	return joinReasons(lack[:need-len(have)])
}

func joinReasons(list [][]Reason) []Reason {
	var out []Reason
	for _, r := range list {
		out = append(out, r...)
	}
	return out
}

func (ex explainer) item(d *Detection, it *Item, want bool) Reason {
	t := ex.tests[it]
	r := Reason{Detection: d, Item: it, Wanted: want, Holds: t.holds(ex.event), Pattern: -1}
	if it.Field != "" {
		values, _ := valuesOf(ex.event, it.Field)
		r.Present = values[:min(len(values), maxPresent)]
	}
	for _, alternatives := range t.values {
		for i := range alternatives {
			if field, v, ok := alternatives[i].first(ex.event); ok {
				r.Field, r.Value, r.Pattern = field, v, alternatives[i].value
				return r
			}
		}
	}
	return r
}

// first returns the first value of an event that satisfies the predicate.
func (p *predicate) first(e *event.Event) (field string, v event.Value, ok bool) {
	var others []event.Value
	if p.kind == predFieldRef {
		others, _ = valuesOf(e, p.ref)
	}
	spent := 0
	for k, v := range e.All() {
		if v.Kind() == event.KindNone || p.field != "" && k.String() != p.field {
			continue
		}
		if event.IsMember(k) && memberValue(e, k).Kind() == event.KindNone {
			continue
		}
		if p.field == "" && event.IsMember(k) && !k.Is(event.EventOriginal) {
			continue
		}
		if p.kind == predFieldRef {
			ok = p.refHoldsAny(v, others, &spent)
		} else {
			ok = p.kind == predExists && p.want || p.holdsFor(v)
		}
		if ok {
			return k.String(), v, true
		}
	}
	return "", event.Value{}, false
}
