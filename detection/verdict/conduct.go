package verdict

import (
	"math"
	"slices"
	"time"
)

// conduct is what a client did of late. Counts fade: they halve every
// conductHalf, and start anew after conductWindow of silence. What comes late
// counts for as much as would be left of it, and moves no time.
type conduct struct {
	First, Last int64   // Unix nanoseconds
	Requests    float32 // with a decision
	Suspicious  float32 // taken for attacks by their content alone
	Missing     float32 // answered with 404
	Rules       []int32 // attack rules that matched, each once
	Findings    []uint64
	Found       int64       // Unix nanoseconds, when the last of them was received
	Kinds       []blockKind // of blocks among the suspicious
}

const (
	conductHalf   = 5 * time.Minute
	conductWindow = 10 * time.Minute
	maxConduct    = 16 // rules, findings, and kinds of blocks that are told apart
)

// fade brings the counts to a time and returns for how much something of that time
// counts: 1, less if later is known already, 0 if it is older than the window.
func (c *conduct) fade(at int64) float32 {
	passed := at - c.Last
	switch {
	case c.Last == 0:
		c.First, c.Last = at, at
	case passed > int64(conductWindow):
		*c = conduct{First: at, Last: at, Rules: c.Rules[:0], Findings: c.Findings, Found: c.Found, Kinds: c.Kinds[:0]}
	case passed >= 0:
		f := left(passed)
		c.Requests, c.Suspicious, c.Missing = c.Requests*f, c.Suspicious*f, c.Missing*f
		c.fadeKinds(f)
		c.Last = at
	case passed < -int64(conductWindow):
		return 0
	default:
		return left(-passed)
	}
	return 1
}

// left is the share of a count that is left after a time in nanoseconds.
func left(passed int64) float32 {
	return float32(math.Exp2(-float64(passed) / float64(conductHalf)))
}

// add takes in a decision, which counts for what fade has returned for its time.
// kinds are those of a suspicious block.
func (c *conduct) add(in *Input, s *Circumstances, weight float32, suspicious bool, kinds []uint64) {
	if weight == 0 {
		return
	}
	c.Requests += weight
	if suspicious {
		c.Suspicious += weight
		c.blocked(kinds, weight)
	}
	if s.Status == 404 {
		c.Missing += weight
	}
	for _, id := range in.Rules {
		if !bookkeeping(id) && !policyRule(id) && len(c.Rules) < maxConduct && !slices.Contains(c.Rules, int32(id)) {
			c.Rules = append(c.Rules, int32(id))
		}
	}
}

// found takes in that a rule over other logs than those of WAFs has found
// something that names the client. Findings have a clock of their own: what was
// found in a log that came late makes nothing of the client's requests old.
func (c *conduct) found(received int64, rule uint64) {
	if received-c.Found > int64(conductWindow) {
		c.Findings = c.Findings[:0]
	}
	c.Found = max(c.Found, received)
	if len(c.Findings) < maxConduct && !slices.Contains(c.Findings, rule) {
		c.Findings = append(c.Findings, rule)
	}
}

// before weighs what the client did before the request at hand, which has a time
// and kinds.
func (c *circumstantial) before(d *conduct, at int64, kinds []uint64) {
	n, k := float64(d.Requests), float64(d.Suspicious-d.alike(kinds))
	if n > 0 {
		share := k / n
		c.add("client before", suspicion(k, share),
			phraseClientBefore.say(math.Ceil(n), math.Round(k)))
	}
	if r := len(d.Rules); r > 2 && k >= 1 {
		c.add("client's rules", math.Min(0.6, 0.15*float64(r-2)), phraseClientRules.say(r))
	}
	if n >= 8 {
		share := float64(d.Missing) / n
		c.add("client's misses", 0.5*part((share-0.2)/0.5), phraseClientMisses.say(100*share))
	}
	if n >= 600 {
		c.add("client's rate", 0.2, phraseClientRate.say(n))
	}
	if n >= 20 && k < 0.5 && len(d.Rules) == 0 && d.Last-d.First >= int64(conductHalf) {
		c.add("client before", -0.3, phraseClientQuiet.say(math.Ceil(n)))
	}
	c.found(d, at)
}

// found weighs what was found of the client in other logs.
func (c *circumstantial) found(d *conduct, at int64) {
	if f := len(d.Findings); f > 0 && at-d.Found <= int64(conductWindow) && d.Found-at <= int64(conductWindow) {
		c.add("client found", math.Min(0.9, 0.3*float64(f)), phraseClientFound.say(f))
	}
}

// suspicion is the weight of k suspicious requests of a client that are a share
// of all that it sent. Few among many say nothing: many people may share an
// address.
func suspicion(k, share float64) float64 { return 1.5 * k / (k + 3) * part(share/0.2) }
