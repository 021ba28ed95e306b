package verdict

import (
	"slices"
	"strings"
)

// blockKind is how many suspicious blocks of a client were for one rule and one
// parameter of one path of a site. People send again what is blocked wrongly, so
// that a client had the like blocked before says nothing of the next of its kind.
type blockKind struct {
	Name  uint64 // hash
	Times float32
}

// minTimes is the count below which a kind is forgotten.
const minTimes = 1.0 / 16

// kindsOf appends the kinds of a request: one for each rule of attacks and
// parameter that it matched, at most maxConduct.
func (y *Memory) kindsOf(dst []uint64, in *Input) []uint64 {
	if in.Request == nil {
		return dst
	}
	path, _, _ := strings.Cut(in.Request.URI, "?")
	for i := range in.Matches {
		m := &in.Matches[i]
		if bookkeeping(m.Rule) || policyRule(m.Rule) {
			continue
		}
		name := y.hash(in.Request.Site + "\x00" + ruleKey(path+"\x00"+m.Variable, m.Rule))
		if len(dst) < maxConduct && !slices.Contains(dst, name) {
			dst = append(dst, name)
		}
	}
	return dst
}

// blocked takes in a block of a weight, shared out among its kinds. One for which
// there is no room stays a reason for suspicion.
func (c *conduct) blocked(kinds []uint64, weight float32) {
	share := weight / float32(len(kinds))
	for _, name := range kinds {
		i := slices.IndexFunc(c.Kinds, func(k blockKind) bool { return k.Name == name })
		switch {
		case i >= 0:
			c.Kinds[i].Times += share
		case len(c.Kinds) < maxConduct:
			c.Kinds = append(c.Kinds, blockKind{name, share})
		}
	}
}

// alike is how many suspicious blocks of the client were of these kinds. A block
// of several kinds is one by parts.
func (c *conduct) alike(kinds []uint64) float32 {
	n := float32(0)
	for _, k := range c.Kinds {
		if slices.Contains(kinds, k.Name) {
			n += k.Times
		}
	}
	return min(n, c.Suspicious)
}

// fadeKinds brings the kinds down to a share.
func (c *conduct) fadeKinds(share float32) {
	kept := c.Kinds[:0]
	for _, k := range c.Kinds {
		if k.Times *= share; k.Times >= minTimes {
			kept = append(kept, k)
		}
	}
	c.Kinds = kept
}
