package enrich

import "github.com/prometheus/client_golang/prometheus"

// metrics say what enrichment finds, and what becomes of changed files.
type metrics struct {
	addrs, addrHits, agents, agentHits, assets, assetHits prometheus.Counter
	failed, reloads, refused                              prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatewatch_enrich_lookups_total", Help: "Lookups: of addresses that were not in the cache, of user agents, of events in the tables of assets.",
	}, []string{"kind"})
	hits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatewatch_enrich_hits_total", Help: "Lookups that found something.",
	}, []string{"kind"})
	failed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "gatewatch_enrich_errors_total", Help: "Lookups that failed because an mmdb file is damaged.",
	})
	reloads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatewatch_enrich_reloads_total", Help: "Changes of the files that were put in use (ok) or not (refused).",
	}, []string{"result"})
	if reg != nil {
		reg.MustRegister(lookups, hits, failed, reloads)
	}
	const geoip, agent, asset = "geoip", "user_agent", "asset"
	return &metrics{
		addrs: lookups.WithLabelValues(geoip), addrHits: hits.WithLabelValues(geoip),
		agents: lookups.WithLabelValues(agent), agentHits: hits.WithLabelValues(agent),
		assets: lookups.WithLabelValues(asset), assetHits: hits.WithLabelValues(asset),
		failed: failed, reloads: reloads.WithLabelValues("ok"), refused: reloads.WithLabelValues("refused"),
	}
}
