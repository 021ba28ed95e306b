package enrich

import (
	"strings"

	"github.com/mileusna/useragent"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxAgent bounds how much of a user agent is read, in bytes; what is longer is
// no browser's.
const maxAgent = 1024

// maxAgentValue bounds what is taken for a name or version, in bytes.
const maxAgentValue = 128

// agent is what a user agent says, in the order of agentNames.
type agent [len(agentNames)]event.Value

// addAgent adds browser and system.
func (n *Enricher) addAgent(e *event.Event, text string) {
	n.metrics.agents.Inc()
	if len(text) > maxAgent {
		text = text[:maxAgent]
	}
	a, ok := n.parsed.get(text)
	if !ok {
		own := strings.Clone(text)
		a = parseAgent(own)
		n.parsed.put(own, a)
	}
	if a[0].Kind() != event.KindNone || a[2].Kind() != event.KindNone {
		n.metrics.agentHits.Inc()
	}
	for i, v := range a {
		e.Add(agentKeys[i], v)
	}
}

// parseAgent reads a user agent. What is not understood gives no value: the
// whole text again is no name.
func parseAgent(text string) *agent {
	u := useragent.Parse(text)
	if u.Name == text {
		u.Name, u.Version = "", ""
	}
	var a agent
	for i, s := range [...]string{u.Name, u.Version, u.OS, u.OSVersion, u.Device} {
		if s = strings.TrimSpace(s); s != "" && len(s) <= maxAgentValue {
			a[i] = event.String(s)
		}
	}
	return &a
}
