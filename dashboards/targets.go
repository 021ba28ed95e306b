package dashboards

import "github.com/go-echarts/go-echarts/v2/charts"

func init() { register(Targets{}) }

// Targets are the paths of most blocked requests, the first with the most.
type Targets []Count

// Name implements Chart.
func (Targets) Name() string { return "targets" }

// Heading implements Chart.
func (Targets) Heading(l Language) string { return words[l]["targets"] }

func (x Targets) draw(s style) *charts.BaseConfiguration { return drawCounts(s, x, s.blocked) }
