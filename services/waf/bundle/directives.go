package bundle

import (
	"fmt"
	"strings"
	"time"
)

// Ids of rules. Those of exclusions are of the first range; the set-up variables
// have the rest.
const (
	FirstRule  = 9_900_000
	LastRule   = 9_988_999
	setupRules = 9_989_000
)

// Directives is the SecLang of a bundle for one site: what stands before the Core
// Rule Set, and what behind it.
type Directives struct{ Before, After string }

// For returns the directives for a site at a time: exclusions for other sites and
// those that have expired are left out. The text is written anew from what was
// understood of the directives, one to a line. b must be valid.
func (b *Bundle) For(site string, now time.Time) (Directives, error) {
	var before, after strings.Builder
	for i, v := range b.Setup {
		fmt.Fprintf(&before, "SecAction \"id:%d,phase:1,pass,t:none,nolog,setvar:'tx.%s=%s'\"\n", setupRules+i, v.Name, v.Value)
	}
	for i := range b.Exclusions {
		x := &b.Exclusions[i]
		if x.Site != "" && x.Site != site || x.Expired(now) {
			continue
		}
		s, err := x.parse()
		if err != nil {
			return Directives{}, fmt.Errorf("%w: exclusions[%d].%w", ErrInvalid, i, err)
		}
		before.WriteString(s.before)
		after.WriteString(s.after)
	}
	return Directives{before.String(), after.String()}, nil
}

// Expired tells whether the time of an exclusion is over.
func (x *Exclusion) Expired(now time.Time) bool { return !x.Expires.IsZero() && !now.Before(x.Expires) }

// NextExpiry returns when the next exclusion expires after a time, the zero time
// if none does.
func (b *Bundle) NextExpiry(now time.Time) (next time.Time) {
	for _, x := range b.Exclusions {
		if !x.Expires.IsZero() && !x.Expired(now) && (next.IsZero() || x.Expires.Before(next)) {
			next = x.Expires
		}
	}
	return next
}

// Site returns how a site is run: what its own entry says, else what that of
// every site does.
func (b *Bundle) Site(name string) Site {
	every, own := Site{}, Site{}
	for _, s := range b.Sites {
		switch s.Name {
		case name:
			own = s
		case EverySite:
			every = s
		}
	}
	number := func(to *int, from int) {
		if *to == 0 {
			*to = from
		}
	}
	own.Name = name
	if own.Mode == "" {
		own.Mode = every.Mode
	}
	number(&own.Paranoia, every.Paranoia)
	number(&own.DetectionParanoia, every.DetectionParanoia)
	number(&own.InboundThreshold, every.InboundThreshold)
	number(&own.OutboundThreshold, every.OutboundThreshold)
	return own
}

// NextRule returns an id for a rule from which on all are free. b must be valid.
func (b *Bundle) NextRule() int {
	next := FirstRule
	for i := range b.Exclusions {
		s, err := b.Exclusions[i].parse()
		if err != nil {
			continue
		}
		for _, id := range s.ids {
			next = max(next, id+1)
		}
	}
	return next
}
