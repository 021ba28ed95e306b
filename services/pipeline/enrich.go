package pipeline

import (
	"log/slog"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Enricher adds to an event what other data knows of it, and changes nothing
// else. What it adds depends on the event and that data alone. It is used by one
// goroutine.
type Enricher interface {
	Enrich(e *event.Event)
}

// Enrichments makes enrichers.
type Enrichments interface {
	// Enricher makes the enricher of a set of data, named by its fingerprint;
	// "" stands for none.
	Enricher(set string) (Enricher, error)
	// Current is the fingerprint that the newest control record names.
	Current() string
}

// enrichment is the enricher in use.
type enrichment struct {
	Enrichments // nil adds nothing
	log         *slog.Logger
	metrics     *metrics

	enricher Enricher // nil adds nothing
	set      string
}

// current is the fingerprint that the newest control record names.
func (n *enrichment) current() string {
	if n.Enrichments == nil {
		return ""
	}
	return n.Current()
}

// use changes to another set of data. If it cannot be had the one in use stays,
// else that of now, and the log says so.
func (n *enrichment) use(set string) {
	if n.Enrichments == nil || n.enricher != nil && set == n.set {
		return
	}
	next, err := n.Enricher(set)
	if err != nil {
		n.metrics.detectErrors.Inc()
		n.log.Error("change enrichment data", slog.String("set", set), slog.Any("error", err))
		if n.enricher != nil {
			return
		}
		if next, err = n.Enricher(n.Current()); err != nil {
			return
		}
	}
	n.enricher, n.set = next, set
}

func (n *enrichment) enrich(e *event.Event) {
	if n.enricher != nil {
		n.enricher.Enrich(e)
	}
}
