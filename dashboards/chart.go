package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

// Chart is typed figures that can be drawn. A kind of chart is a file of this package,
// which registers it.
type Chart interface {
	// Name is what the kind is asked for by.
	Name() string
	// Heading is what the chart shows, in words.
	Heading(Language) string
	// draw makes what ECharts takes. Texts of others go through label.
	draw(style) *charts.BaseConfiguration
}

// Look says how charts are drawn.
type Look struct {
	Language Language
	Dark     bool
}

// Option returns what setOption of ECharts takes, as JSON. It holds no function and no
// template, and <, > and & are escaped; of others' text nothing hides or acts. HTML is
// never made of it: that of go-echarts would run what names hold.
func Option(c Chart, l Look) ([]byte, error) {
	s := style{words: words[l.Language], colours: light, language: l.Language}
	if s.words == nil {
		return nil, fmt.Errorf("draw chart %s: no language %q", c.Name(), l.Language)
	}
	if l.Dark {
		s.colours = dark
	}
	b := c.draw(s)
	s.common(b, c.Heading(l.Language))
	// All of JSON that tooltips lack there stands here.
	option := b.JSON()
	option["tooltip"] = tooltip{Tooltip: b.Tooltip, RenderMode: "richText", Confine: true}
	text, err := json.Marshal(option)
	if err != nil {
		return nil, fmt.Errorf("draw chart %s: %w", c.Name(), err)
	}
	return text, nil
}

// tooltip has what opts.Tooltip lacks: text that is drawn, where ECharts makes HTML
// otherwise.
type tooltip struct {
	opts.Tooltip
	RenderMode string `json:"renderMode"`
	Confine    bool   `json:"confine"`
}

// kinds are the charts that there are, by name.
var kinds = map[string]bool{}

func register(c Chart) {
	if kinds[c.Name()] {
		panic("dashboards: two charts are named " + c.Name())
	}
	kinds[c.Name()] = true
}

// Names returns the names of all charts, sorted.
func Names() []string { return slices.Sorted(maps.Keys(kinds)) }

// style is how one chart is drawn.
type style struct {
	colours
	words    map[string]string
	language Language
}

// say returns the words of a key.
func (s style) say(key string) string { return s.words[key] }

// common sets what all charts have alike.
func (s style) common(b *charts.BaseConfiguration, heading string) {
	b.Animation, b.Colors = opts.Bool(false), s.series
	b.Title = opts.Title{Title: heading, Show: opts.Bool(false)} // the page has the heading; aria reads it
	b.Aria = &opts.Aria{Enabled: opts.Bool(true)}
	b.Initialization.BackgroundColor = "transparent"
	b.TextStyle = &opts.TextStyle{Color: s.text2, FontSize: axisSize}
	b.Legend.Top = "0"
	b.ItemWidth, b.ItemHeight = 12, 8
	b.Tooltip.BackgroundColor, b.Tooltip.BorderColor = s.surface, s.line
	if len(b.GridList) == 0 {
		b.GridList = []opts.Grid{{Left: "8", Right: "16", Top: "28", Bottom: "8", ContainLabel: opts.Bool(true)}}
	}
}

// axisSize is the size of the text of axes, in pixels.
const axisSize = 11

func (s style) axisLabel() *opts.AxisLabel {
	return &opts.AxisLabel{Show: opts.Bool(true), Color: s.text3, FontSize: axisSize, HideOverlap: opts.Bool(true)}
}

// nameLabel is the label of an axis of names, each of which is cut to its room.
func (s style) nameLabel() *opts.AxisLabel {
	l := s.axisLabel()
	l.Width, l.Overflow = 220, "truncate"
	return l
}

func (s style) axisLine() *opts.AxisLine {
	return &opts.AxisLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: s.line}}
}

// timeAxis is an axis of moments.
func (s style) timeAxis() opts.XAxis {
	return opts.XAxis{Type: "time", AxisLabel: s.axisLabel(), AxisLine: s.axisLine(), SplitLine: &opts.SplitLine{Show: opts.Bool(false)}}
}

// countAxis is an upright axis of numbers from 0.
func (s style) countAxis(unit string) opts.YAxis {
	return opts.YAxis{
		Type: "value", Name: unit, Min: 0, MinInterval: 1, SplitNumber: 3,
		AxisLabel: s.axisLabel(), SplitLine: &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: s.line}},
	}
}
