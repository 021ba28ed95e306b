package waf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// MaxParanoia is the highest paranoia level of the Core Rule Set.
const MaxParanoia = 4

// Levels judges requests at all paranoia levels, at each once for all thresholds.
// Its methods may be called by any number of goroutines.
type Levels struct {
	settings Settings
	own      *Engine // with the level and threshold of the settings; nil for those of a site
	engines  [MaxParanoia]*Engine
}

// CompileLevels compiles the rules once for each paranoia level, and as s has them.
// The level and the threshold of s matter for [Graded.Own] alone.
func CompileLevels(s Settings) (*Levels, error) {
	own, err := Compile(s)
	if err != nil {
		return nil, err
	}
	return compileLevels(&Levels{settings: s.withDefaults(), own: own}, bundle.Directives{})
}

// CompileSiteLevels compiles the rules of a site under a bundle, which may be nil, once
// for each paranoia level, as [CompileSite] does. They have no [Graded.Own].
func CompileSiteLevels(s Settings, b *bundle.Bundle, site string, now time.Time) (*Levels, error) {
	r, err := rulingOf(SiteConfig{Name: site, Rules: s.withDefaults()}, b, now)
	if err != nil {
		return nil, err
	}
	return compileLevels(&Levels{settings: r.rules}, r.own)
}

// compileLevels adds the engines of the levels, with directives around CRS.
func compileLevels(l *Levels, own bundle.Directives) (*Levels, error) {
	s := l.settings
	var err error
	for i := range l.engines {
		s.Paranoia, s.DetectionParanoia, s.InboundThreshold = i+1, i+1, math.MaxInt32
		if l.engines[i], err = (program{settings: s, before: own.Before, after: own.After}).compile(); err != nil {
			return nil, errors.Join(fmt.Errorf("compile rules of paranoia level %d: %w", i+1, err), l.Close())
		}
	}
	return l, nil
}

// Settings are those that the levels were compiled from, with what the bundle says.
func (l *Levels) Settings() Settings { return l.settings }

// Close frees what the rules share with other engines.
func (l *Levels) Close() (err error) {
	if l.own != nil {
		err = l.own.Close()
	}
	for _, e := range l.engines {
		if e != nil {
			err = errors.Join(err, e.Close())
		}
	}
	return err
}

// Grade evaluates the request phases over a copy at each level, as [Engine.JudgeCopy]
// does.
func (l *Levels) Grade(ctx context.Context, c *kept.Copy) (g Grades, err error) {
	for i, e := range l.engines {
		d, err := e.JudgeCopy(ctx, c)
		if err != nil {
			return g, fmt.Errorf("judge copy at paranoia level %d: %w", i+1, err)
		}
		g.Scores[i], g.Denied[i] = d.Score, d.Block
	}
	return g, nil
}

// Judge evaluates the request phases over a request as [Engine.JudgeRequest] does.
func (l *Levels) Judge(ctx context.Context, r *verdict.Request) (g Graded, err error) {
	if g.Own, err = l.own.JudgeRequest(ctx, r); err != nil {
		return g, err
	}
	for i, e := range l.engines {
		d, err := e.JudgeRequest(ctx, r)
		if err != nil {
			return g, fmt.Errorf("judge request at paranoia level %d: %w", i+1, err)
		}
		g.Scores[i], g.Denied[i] = d.Score, d.Block
	}
	return g, nil
}

// Grades are what the rules of each paranoia level say of a request, the first
// level first.
type Grades struct {
	Scores [MaxParanoia]int  // inbound anomaly score
	Denied [MaxParanoia]bool // blocked whatever the score is, as for a body that cannot be read
}

// Blocks tells whether the request is blocked at a paranoia level, 1 to
// [MaxParanoia], and an inbound threshold.
func (g *Grades) Blocks(paranoia, threshold int) bool {
	return g.Denied[paranoia-1] || g.Scores[paranoia-1] >= threshold
}

// Graded is a request's grades and the decision under the settings themselves.
type Graded struct {
	Grades
	Own Decision
}
