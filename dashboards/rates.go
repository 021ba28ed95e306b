package dashboards

import (
	"fmt"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

func init() { register(Rates{}) }

// Rates are how often a WAF is wrong, as far as labels tell.
type Rates []Rate

// Rate is one of them. Without Enough nothing is known but what it would rest on.
type Rate struct {
	Kind             string // false_positive, missed or false_share
	Scope            string // of a site, "" for all; written by somebody else
	Enough           bool
	Value, Low, High float64 // shares
	Labels, N        int     // that it rests on
	Why              string  // there is no estimate
}

// Name implements Chart.
func (Rates) Name() string { return "rates" }

// Heading implements Chart.
func (Rates) Heading(l Language) string { return words[l]["rates"] }

// draw shows each interval as a band, and the estimate as a dot in it; a rate that is
// not known has its name alone.
func (x Rates) draw(s style) *charts.BaseConfiguration {
	n := len(x)
	names, before, band, dots := make([]string, n), make([]opts.BarData, n), make([]opts.BarData, n), []opts.ScatterData{}
	for i, r := range x {
		at := n - 1 - i // the axis begins at the bottom
		names[at] = r.named(s)
		before[at].Value, band[at].Value = 0, 0
		if !r.Enough {
			continue
		}
		before[at].Value, band[at].Value = percent(r.Low), percent(r.High-r.Low)
		band[at].ItemStyle = &opts.ItemStyle{Color: r.colour(s), Opacity: opts.Float(0.35)}
		dots = append(dots, opts.ScatterData{Value: []any{percent(r.Value), at}})
	}
	c := charts.NewBar()
	c.AddSeries("", before, stacked("interval"), charts.WithItemStyleOpts(opts.ItemStyle{Color: "transparent"}))
	c.AddSeries(s.say("interval"), band, stacked("interval"), barWidth("10"))
	estimates := charts.NewScatter()
	estimates.AddSeries(s.say("estimate"), dots, charts.WithItemStyleOpts(opts.ItemStyle{Color: s.text2}))
	c.Overlap(estimates)
	c.XAxisList = []opts.XAxis{{Type: "value", Min: 0, Name: s.say("percent"), AxisLabel: s.axisLabel(), SplitLine: &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: s.line}}}}
	c.YAxisList = []opts.YAxis{{Type: "category", Data: names, AxisLabel: s.nameLabel(), AxisLine: s.axisLine()}}
	c.Legend.Show = opts.Bool(false)
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}
	return &c.BaseConfiguration
}

func (r *Rate) named(s style) string {
	name := s.say(r.Kind)
	if r.Scope != "" {
		name += "  " + label(r.Scope)
	}
	return fmt.Sprintf("%s  n = %d", name, r.N)
}

func (r *Rate) colour(s style) string {
	if r.Kind == "missed" {
		return s.missed
	}
	return s.fp
}

// percent is a share in percent, to four digits behind the point.
func percent(share float64) float64 { return math.Round(share*1e6) / 1e4 }
