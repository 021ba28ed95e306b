package waf

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
)

// Sterner judges requests beside the decision, by the rules that stand above
// paranoia level 1. It never blocks, knows no exclusions of sites, and says which
// rules matched and not how much they add up to: their score tells more of the
// size of a request than of attacks. Its methods may be called by any number of
// goroutines.
type Sterner struct{ engine *Engine }

// CompileSterner compiles the rules of all paranoia levels, which takes tens of
// milliseconds and tens of MiB.
func CompileSterner() (*Sterner, error) {
	s := CorpusSettings()
	s.DetectionParanoia = 4
	engine, err := compile(s, "SecRuleEngine DetectionOnly\n")
	if err != nil {
		return nil, err
	}
	return &Sterner{engine}, nil
}

// Close frees what the rules share with other engines.
func (s *Sterner) Close() error { return s.engine.Close() }

// Rules returns the ids of the rules of the levels 2 to 4 that match a copy and
// that would add to its score, sorted. It gives up after limit.
func (s *Sterner) Rules(c *kept.Copy, limit time.Duration) ([]int, error) {
	v := s.engine.begin(c.ID, time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	err := v.guarded(func() error {
		v.until(time.Now().Add(limit))
		if c.BodyBytes > int64(len(c.Request.Body)) {
			v.markTruncated()
		}
		return v.corpus(&c.Request)
	})
	if err != nil {
		return nil, fmt.Errorf("judge request by sterner rules: %w", err)
	}
	var ids []int
	for _, m := range v.tx.MatchedRules() {
		if s.engine.classOf(m.Rule()).inbound > 1 {
			ids = append(ids, m.Rule().ID())
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
