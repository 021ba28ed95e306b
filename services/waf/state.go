package waf

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// state is all that a reload replaces. A request uses the one that it began
// with.
type state struct {
	config  Config
	trusted *parse.Trusted
	router  router
	sites   []*site
	judge   *judge
	limits  Limits
	engines []*Engine
	expiry  time.Time // of the next exclusion of its bundles, zero if none expires
	log     *slog.Logger
}

// buildState makes what a configuration describes. Sites whose rules are the
// same share one engine. n may be nil to only check; else the bundles it uses are
// part of the rules.
func buildState(c Config, n *Node) (*state, error) {
	if n == nil || n.bundles == nil {
		return buildUnder(c, n, nil)
	}
	return buildUnder(c, n, n.bundles.inUse.Load())
}

// buildUnder is buildState with the bundles of an assignment, nil for none.
func buildUnder(c Config, n *Node, a *assignment) (st *state, err error) {
	now, failed, log := time.Now, func(string, string) {}, slog.Default()
	var sessionKey []byte
	if n != nil {
		sessionKey = n.sessionKey
		now, log = n.now, n.log
		failed = func(site, upstream string) { n.metrics.upstreamErrors.WithLabelValues(site, upstream).Inc() }
	}
	st = &state{
		config: c, limits: c.Limits, judge: newJudge(c.Limits), log: log,
		router: router{exact: map[string]*site{}, suffixes: map[string]*site{}},
	}
	defer func() {
		if err != nil {
			st.close()
		}
	}()
	if st.trusted, err = c.trusted(); err != nil {
		return st, err
	}
	buffers := &copyBuffers{}
	rules := newRulings(st, a, now())
	for i, sc := range c.Sites {
		mode, engine, err := rules.stable(sc)
		if err != nil {
			return st, fmt.Errorf("sites[%d].rules: %w", i, err)
		}
		if engine.unsifted != "" {
			log.Warn("rules are not accelerated: an own directive changes those of CRS or counts them",
				slog.String("site", sc.Name), slog.String("directive", engine.unsifted[:min(len(engine.unsifted), 200)]))
		}
		s := &site{name: sc.Name, mode: mode, engine: engine, mask: eventMask{policy: sc.Mask, secrets: newSecrets(sc.Replay.Mask)}, valueBytes: sc.MaskValueBytes, config: sc}
		if s.model, err = verdict.Calibrated(sc.Prior); err != nil {
			return st, fmt.Errorf("sites[%d].prior: %w", i, err)
		}
		if s.sessions, err = sc.Session.compile(sessionKey); err != nil {
			return st, fmt.Errorf("sites[%d].session.%w", i, err)
		}
		if s.backends, err = newBackends(sc, c.Limits.StallTimeout, now, func(upstream string) { failed(sc.Name, upstream) }); err != nil {
			return st, fmt.Errorf("sites[%d].%w", i, err)
		}
		s.proxy = newProxy(s, buffers, log)
		if s.trial, err = rules.candidate(s); err != nil {
			return st, fmt.Errorf("sites[%d].rules: %w", i, err)
		}
		if err = st.router.add(s, sc.Hosts); err != nil {
			return st, fmt.Errorf("sites[%d].%w", i, err)
		}
		st.sites = append(st.sites, s)
	}
	if n != nil {
		for _, e := range st.engines {
			e.sifting.checks.tell = n.tellAcceleration
		}
	}
	return st, nil
}

// close lets go of what new requests do not need any more. Requests that are
// under way end undisturbed.
func (st *state) close() {
	for _, s := range st.sites {
		s.backends.close()
	}
	for _, e := range st.engines {
		if err := e.Close(); err != nil {
			st.log.Warn("close rules", slog.Any("error", err))
		}
	}
}
