package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Truth is what an analyst found a request to be.
type Truth uint8

// Unknown is the truth of a decision that nobody has labelled.
const (
	Unknown Truth = iota
	Legitimate
	Attack
)

// Decided is a decision of a WAF as the rates see it.
type Decided struct {
	Blocked bool
	PAttack float64 // the model's probability of an attack, 0 to 1
	Truth   Truth
	// Probability is the one with which a labelled decision was drawn for
	// labelling, above 0 and at most 1. It is 0 for a label that was found
	// otherwise: such a label counts for itself and says nothing of others.
	Probability float64
	// Outside is set for a decision that no draw could have drawn, such as one of
	// a site that was not drawn from. Without a label nothing is known of it.
	Outside bool
}

// Rate names one of the rates.
type Rate uint8

// The rates, with their numerator and denominator.
const (
	FalsePositive   Rate = iota // blocked legitimate of all legitimate
	Missed                      // allowed attacks of all attacks
	FalseBlockShare             // blocked legitimate of all blocked
	rateCount
)

var rateNames = [rateCount]string{"false_positive", "missed", "false_block_share"}

func (r Rate) String() string { return rateNames[r] }

// Estimate is what is known of one rate in one scope.
type Estimate struct {
	Scope string
	Rate  Rate
	// Enough is false if the labels do not suffice; Value, Low and High then
	// mean nothing.
	Enough    bool
	Value     float64
	Low, High float64 // 95 % interval
	// Labels and Decisions count what the rate rests on: the blocked ones for
	// FalseBlockShare, else all of the scope. Drawn are those of the labels that
	// were drawn, and Covered the decisions that could have been drawn, or have a
	// label: of the others the interval takes the worst case.
	Labels, Decisions, Drawn, Covered int
	// Why says in words why Enough is false; else it is empty.
	Why string
}

// Limits of what Rates takes.
const (
	MaxScopes    = 1 << 16
	MaxScopeName = 1 << 10 // bytes
)

// ErrTooManyScopes is returned for a decision of a scope beyond MaxScopes.
var ErrTooManyScopes = errors.New("too many scopes")

// Rates estimates how often a WAF is wrong from the decisions of one or more
// scopes, few of which are labelled. RATES.md has the formulae. The memory it
// takes depends on the number of scopes, not on that of decisions, and what it
// says depends on neither their order nor anything but them. The zero value is
// ready for use, by one goroutine at a time.
type Rates struct {
	scopes map[string]*scopeCounts
}

// scopeCounts holds the two sides of a scope: allowed and blocked. Decisions that
// are outside of all draws and have no label are counted, and no more.
type scopeCounts struct {
	sides   [2]sideCounts
	outside [2]int
}

func sideOf(blocked bool) int {
	if blocked {
		return 1
	}
	return 0
}

// Add counts a decision. After an error the decision is not counted.
func (r *Rates) Add(scope string, d Decided) error {
	s, err := r.scope(scope, d)
	if err != nil {
		return err
	}
	side := sideOf(d.Blocked)
	if d.Outside && d.Truth == Unknown {
		s.outside[side]++
		return nil
	}
	s.sides[side].add(d)
	return nil
}

// AddUnlabelled counts n decisions that nobody has labelled, all with what d says of
// them: those that a decision of a random sample stands for. After an error none is.
func (r *Rates) AddUnlabelled(scope string, d Decided, n int) error {
	if d.Truth != Unknown || n < 0 {
		return fmt.Errorf("%d decisions with truth %d are not some without a label", n, d.Truth)
	}
	s, err := r.scope(scope, d)
	if err != nil {
		return err
	}
	side := sideOf(d.Blocked)
	if d.Outside {
		s.outside[side] += n
	} else if n > 0 {
		s.sides[side].cell(d.PAttack).n += n
	}
	return nil
}

// scope returns the counts of the scope of a decision, which it checks.
func (r *Rates) scope(scope string, d Decided) (*scopeCounts, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	s := r.scopes[scope]
	if s == nil {
		if len(scope) > MaxScopeName {
			return nil, fmt.Errorf("scope is longer than %d bytes", MaxScopeName)
		}
		if len(r.scopes) >= MaxScopes {
			return nil, fmt.Errorf("%w: at most %d", ErrTooManyScopes, MaxScopes)
		}
		if r.scopes == nil {
			r.scopes = map[string]*scopeCounts{}
		}
		s = &scopeCounts{}
		r.scopes[strings.Clone(scope)] = s
	}
	return s, nil
}

func (d Decided) check() error {
	switch {
	case !(d.PAttack >= 0 && d.PAttack <= 1): // NaN too
		return fmt.Errorf("p_attack is %v, not in 0 to 1", d.PAttack)
	case d.Truth > Attack:
		return fmt.Errorf("unknown truth %d", d.Truth)
	case !(d.Probability >= 0 && d.Probability <= 1):
		return fmt.Errorf("sample_probability is %v, not above 0 and at most 1", d.Probability)
	case d.Outside && d.Probability > 0:
		return errors.New("a decision that was drawn is not outside of all draws")
	case d.Probability > 0 && d.Probability < minProbability:
		return fmt.Errorf("sample_probability is %v, less than %v", d.Probability, minProbability)
	}
	return nil
}

// minProbability keeps the squares of weights, which are its reciprocal, small
// enough to be summed exactly.
const minProbability = 1e-9

// Scopes returns the names of the scopes, sorted.
func (r *Rates) Scopes() []string {
	names := make([]string, 0, len(r.scopes))
	for name := range r.scopes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Estimates returns the rates of a scope, in the order of the constants. A
// scope without decisions has no rate for which labels suffice.
func (r *Rates) Estimates(scope string) []Estimate {
	return r.Scope(scope).Estimates()
}

// Scope is what is known of one scope. It does the costly part, draws from the
// posterior, once for all that is asked, and when it is first needed: tens of
// milliseconds for an estimate, a few where the labels do not suffice. It is for
// use by one goroutine.
type Scope struct {
	name string
	*picture
}

// Scope returns a scope. What is added to r later it may or may not show.
func (r *Rates) Scope(name string) *Scope {
	s := r.scopes[name]
	if s == nil {
		s = &scopeCounts{}
	}
	return &Scope{name, newPicture(s)}
}

// Estimates returns the rates of the scope, in the order of the constants.
func (s *Scope) Estimates() []Estimate {
	all := make([]Estimate, rateCount)
	for rate := range rateCount {
		all[rate] = s.estimate(rate)
		all[rate].Scope = s.name
	}
	return all
}

// Narrowing says by how much the label of one more decision is expected to
// lower the variance of a rate, as a share of it: 0 to 1. It is used to rank
// decisions that have no label yet; the answer is the same for all decisions of
// a side with about the same PAttack. It is 0 where no decision is.
func (s *Scope) Narrowing(rate Rate) func(blocked bool, pAttack float64) float64 {
	return s.narrowing(rate)
}
