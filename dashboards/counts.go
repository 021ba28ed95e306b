package dashboards

import (
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Count is how often something was counted.
type Count struct {
	Name   string // written by somebody else
	Detail string // more of it, "" for none
	N      int64
}

// drawCounts draws lying bars, the first at the top.
func drawCounts(s style, all []Count, colour string) *charts.BaseConfiguration {
	names, bars := make([]string, len(all)), make([]opts.BarData, len(all))
	for i, x := range all {
		names[i] = label(x.Name)
		if x.Detail != "" {
			names[i] += "  " + label(x.Detail)
		}
		bars[i].Value = x.N
	}
	slices.Reverse(names) // the axis begins at the bottom
	slices.Reverse(bars)
	c := charts.NewBar()
	c.AddSeries(s.say("blocked"), bars,
		charts.WithItemStyleOpts(opts.ItemStyle{Color: colour}),
		barWidth("14"),
		charts.WithLabelOpts(opts.Label{Show: opts.Bool(true), Position: "right", Color: s.text2}))
	c.XAxisList = []opts.XAxis{{Type: "value", Min: 0, MinInterval: 1, SplitNumber: 3, AxisLabel: s.axisLabel(), SplitLine: &opts.SplitLine{Show: opts.Bool(false)}}}
	c.YAxisList = []opts.YAxis{{Type: "category", Data: names, AxisLabel: s.nameLabel(), AxisLine: s.axisLine()}}
	c.Legend.Show = opts.Bool(false)
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}
	return &c.BaseConfiguration
}

// barWidth bounds the width of bars, in pixels.
func barWidth(most string) charts.SeriesOpts {
	return func(s *charts.SingleSeries) { s.BarMaxWidth = most }
}

// stacked lays bars of the same name on each other.
func stacked(name string) charts.SeriesOpts {
	return func(s *charts.SingleSeries) { s.Stack = name }
}
