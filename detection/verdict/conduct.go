package verdict

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// conduct is what a client did of late. Counts fade: they halve every
// conductHalf, and start anew after conductWindow of silence, or where the time
// of a log jumps.
type conduct struct {
	First, Last int64   // Unix nanoseconds
	Requests    float32 // with a decision
	Suspicious  float32 // taken for attacks by their content alone
	Missing     float32 // answered with 404
	Rules       []int32 // attack rules that matched, each once
	Findings    []uint64
}

const (
	conductHalf   = 5 * time.Minute
	conductWindow = 10 * time.Minute
	maxConduct    = 16 // rules, and findings, that are told apart
)

// fade brings the counts to a time.
func (c *conduct) fade(at int64) {
	passed := at - c.Last
	if passed > int64(conductWindow) || passed < -int64(conductWindow) {
		*c = conduct{First: at, Last: at, Rules: c.Rules[:0], Findings: c.Findings[:0]}
		return
	}
	if passed > 0 {
		f := float32(math.Exp2(-float64(passed) / float64(conductHalf)))
		c.Requests, c.Suspicious, c.Missing = c.Requests*f, c.Suspicious*f, c.Missing*f
	}
	c.Last = at
	c.First = min(c.First, at)
}

// add takes in a decision, after the counts were brought to its time.
func (c *conduct) add(in *Input, s *Circumstances, suspicious bool) {
	c.Requests++
	if suspicious {
		c.Suspicious++
	}
	if s.Status == 404 {
		c.Missing++
	}
	for _, id := range in.Rules {
		if !bookkeeping(id) && !policyRule(id) && len(c.Rules) < maxConduct && !slices.Contains(c.Rules, int32(id)) {
			c.Rules = append(c.Rules, int32(id))
		}
	}
}

// found takes in that a rule over other logs than those of WAFs has found
// something that names the client.
func (c *conduct) found(rule uint64) {
	if len(c.Findings) < maxConduct && !slices.Contains(c.Findings, rule) {
		c.Findings = append(c.Findings, rule)
	}
}

// before weighs what the client did before the request at hand.
func (c *circumstantial) before(d *conduct) {
	n, k := float64(d.Requests), float64(d.Suspicious)
	if n > 0 {
		share := k / n
		c.add("client before", suspicion(k, share),
			fmt.Sprintf("of its last %.0f requests %.0f look like attacks", math.Ceil(n), math.Round(k)))
	}
	if r := len(d.Rules); r > 2 && k >= 1 {
		c.add("client's rules", math.Min(0.6, 0.15*float64(r-2)), fmt.Sprintf("its requests matched %d attack rules", r))
	}
	if n >= 8 {
		share := float64(d.Missing) / n
		c.add("client's misses", 0.5*part((share-0.2)/0.5), fmt.Sprintf("%.0f %% of its requests found nothing", 100*share))
	}
	if n >= 600 {
		c.add("client's rate", 0.2, fmt.Sprintf("about %.0f requests in the last minutes", n))
	}
	if n >= 20 && k < 0.5 && len(d.Rules) == 0 && d.Last-d.First >= int64(conductHalf) {
		c.add("client before", -0.3, fmt.Sprintf("its last %.0f requests gave no reason to suspect it", math.Ceil(n)))
	}
	if f := len(d.Findings); f > 0 {
		c.add("client found", math.Min(0.9, 0.3*float64(f)), fmt.Sprintf("%d rules over other logs found this client", f))
	}
}

// suspicion is the weight of k suspicious requests of a client that are a share
// of all that it sent. Few among many say nothing: many people may share an
// address.
func suspicion(k, share float64) float64 { return 1.5 * k / (k + 3) * part(share/0.2) }
