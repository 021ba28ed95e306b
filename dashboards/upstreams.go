package dashboards

import (
	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

func init() { register(Upstreams{}) }

// Upstreams are how the sites behind a gate answered, the busiest first.
type Upstreams []Upstream

// Upstream is one site.
type Upstream struct {
	Site string // written by somebody else
	Answers
}

// Name implements Chart.
func (Upstreams) Name() string { return "upstreams" }

// Heading implements Chart.
func (Upstreams) Heading(l Language) string { return words[l]["upstreams"] }

func (x Upstreams) draw(s style) *charts.BaseConfiguration {
	names := make([]string, len(x))
	for i, u := range x {
		names[len(x)-1-i] = label(u.Site) // the axis begins at the bottom
		if u.Site == "" {
			names[len(x)-1-i] = s.say("unknown")
		}
	}
	c := charts.NewBar()
	for class := range (Answers{}) {
		bars, some := make([]opts.BarData, len(x)), false
		for i, u := range x {
			bars[len(x)-1-i].Value = u.Answers[class]
			some = some || u.Answers[class] > 0
		}
		if some {
			c.AddSeries(s.class(class), bars, stacked("all"), barWidth("14"), charts.WithItemStyleOpts(opts.ItemStyle{Color: s.classColour(class)}))
		}
	}
	c.XAxisList = []opts.XAxis{{Type: "value", Min: 0, MinInterval: 1, SplitNumber: 3, AxisLabel: s.axisLabel(), SplitLine: &opts.SplitLine{Show: opts.Bool(false)}}}
	c.YAxisList = []opts.YAxis{{Type: "category", Data: names, AxisLabel: s.nameLabel(), AxisLine: s.axisLine()}}
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}
	return &c.BaseConfiguration
}
