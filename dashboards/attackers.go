package dashboards

import "github.com/go-echarts/go-echarts/v2/charts"

func init() { register(Attackers{}) }

// Attackers are the clients of most blocked requests, the first with the most.
type Attackers []Count

// Name implements Chart.
func (Attackers) Name() string { return "attackers" }

// Heading implements Chart.
func (Attackers) Heading(l Language) string { return words[l]["attackers"] }

func (x Attackers) draw(s style) *charts.BaseConfiguration { return drawCounts(s, x, s.blocked) }
