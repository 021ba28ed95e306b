package dashboards

import (
	"fmt"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

func init() { register(WhatIf{}) }

// WhatIf is which share of requests would be blocked at other thresholds.
type WhatIf struct {
	Curves    []Curve // by paranoia level
	Threshold int     // in use, 0 if there are several
}

// Curve is that of the requests judged at one paranoia level.
type Curve struct {
	Paranoia int
	Points   []CurvePoint // by threshold
}

// CurvePoint is one threshold.
type CurvePoint struct {
	Threshold int
	Blocked   float64 // share of the requests
}

// Name implements Chart.
func (WhatIf) Name() string { return "whatif" }

// Heading implements Chart.
func (WhatIf) Heading(l Language) string { return words[l]["whatif"] }

func (x WhatIf) draw(s style) *charts.BaseConfiguration {
	c := charts.NewLine()
	for i, curve := range x.Curves {
		points := make([]opts.LineData, len(curve.Points))
		for j, p := range curve.Points {
			points[j].Value = []any{p.Threshold, percent(p.Blocked)}
		}
		colour := s.series[i%len(s.series)]
		options := []charts.SeriesOpts{
			charts.WithLineChartOpts(opts.LineChart{ShowSymbol: opts.Bool(false), Step: "end"}),
			charts.WithLineStyleOpts(opts.LineStyle{Color: colour, Width: 1.25}), charts.WithItemStyleOpts(opts.ItemStyle{Color: colour}),
		}
		if i == 0 && x.Threshold > 0 {
			options = append(options, charts.WithMarkLineNameXAxisItemOpts(opts.MarkLineNameXAxisItem{Name: s.say("whatif.now"), XAxis: x.Threshold}))
		}
		c.AddSeries(fmt.Sprintf("%s %d", s.say("whatif.level"), curve.Paranoia), points, options...)
	}
	axis := s.countAxis(s.say("percent"))
	axis.MinInterval = 0
	c.XAxisList = []opts.XAxis{{
		Type: "value", Min: "dataMin", Max: "dataMax", MinInterval: 1, Name: s.say("whatif.axis"), NameLocation: "middle", NameGap: 24,
		AxisLabel: s.axisLabel(), AxisLine: s.axisLine(), SplitLine: &opts.SplitLine{Show: opts.Bool(false)},
	}}
	c.YAxisList = []opts.YAxis{axis}
	c.GridList = []opts.Grid{{Left: "8", Right: "16", Top: "28", Bottom: "24", ContainLabel: opts.Bool(true)}}
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}
	return &c.BaseConfiguration
}
