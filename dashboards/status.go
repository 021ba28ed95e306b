package dashboards

import (
	"strconv"
	"time"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
)

func init() { register(Status{}) }

// Status is how servers answered over time.
type Status struct {
	Points []StatusPoint // in order, at equal steps
}

// StatusPoint is one step.
type StatusPoint struct {
	Time time.Time // at which it begins
	Answers
}

// Answers counts answers by the first digit of their status: 1 to 5; 0 are those of
// which none is known.
type Answers [6]int64

// Name implements Chart.
func (Status) Name() string { return "status" }

// Heading implements Chart.
func (Status) Heading(l Language) string { return words[l]["status"] }

func (x Status) draw(s style) *charts.BaseConfiguration {
	c := charts.NewBar()
	for class := range (Answers{}) {
		bars, some := make([]opts.BarData, len(x.Points)), false
		for i, p := range x.Points {
			bars[i].Value = []int64{p.Time.UnixMilli(), p.Answers[class]}
			some = some || p.Answers[class] > 0
		}
		if some {
			c.AddSeries(s.class(class), bars, stacked("all"), barWidth("24"), charts.WithItemStyleOpts(opts.ItemStyle{Color: s.classColour(class)}))
		}
	}
	c.XAxisList = []opts.XAxis{s.timeAxis()}
	c.YAxisList = []opts.YAxis{s.countAxis("")}
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}
	return &c.BaseConfiguration
}

// class is the name of answers with a first digit.
func (s style) class(digit int) string {
	if digit == 0 {
		return s.say("status.none")
	}
	return strconv.Itoa(digit) + "xx"
}

func (s style) classColour(digit int) string {
	return [6]string{s.text3, s.line, s.allowed, s.series[0], s.fp, s.blocked}[digit]
}
