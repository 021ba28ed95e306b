package dashboards

import (
	"time"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

func init() { register(Traffic{}) }

// Traffic is requests over time.
type Traffic struct {
	Points []TrafficPoint // in order, at equal steps
}

// TrafficPoint is one step.
type TrafficPoint struct {
	Time             time.Time // at which it begins
	Blocked, Allowed int64
}

// Name implements Chart.
func (Traffic) Name() string { return "traffic" }

// Heading implements Chart.
func (Traffic) Heading(l Language) string { return words[l]["traffic"] }

func (t Traffic) draw(s style) *charts.BaseConfiguration {
	allowed, blocked := make([]opts.LineData, len(t.Points)), make([]opts.LineData, len(t.Points))
	for i, p := range t.Points {
		allowed[i].Value = []any{p.Time.UnixMilli(), p.Allowed}
		blocked[i].Value = []any{p.Time.UnixMilli(), p.Blocked}
	}
	c := charts.NewLine()
	c.AddSeries(s.say("allowed"), allowed, s.area(s.allowed, 0.14)...)
	c.AddSeries(s.say("blocked"), blocked, s.area(s.blocked, 0.75)...)
	c.XAxisList = []opts.XAxis{s.timeAxis()}
	c.YAxisList = []opts.YAxis{s.countAxis("")}
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}
	return &c.BaseConfiguration
}

// area is the look of a stacked area.
func (s style) area(colour string, opacity float32) []charts.SeriesOpts {
	return []charts.SeriesOpts{
		charts.WithLineChartOpts(opts.LineChart{Stack: "all", ShowSymbol: opts.Bool(false)}),
		charts.WithLineStyleOpts(opts.LineStyle{Color: colour, Width: 1.25}),
		charts.WithAreaStyleOpts(opts.AreaStyle{Color: colour, Opacity: opts.Float(opacity)}),
		charts.WithItemStyleOpts(opts.ItemStyle{Color: colour}),
	}
}
