package dashboards

import "github.com/go-echarts/go-echarts/v2/charts"

func init() { register(Rules{}) }

// Rules are the rules that scored in most blocked requests, the first with the most.
type Rules []Count

// Name implements Chart.
func (Rules) Name() string { return "rules" }

// Heading implements Chart.
func (Rules) Heading(l Language) string { return words[l]["rules"] }

func (x Rules) draw(s style) *charts.BaseConfiguration { return drawCounts(s, x, s.blocked) }
