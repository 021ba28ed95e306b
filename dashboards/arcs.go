package dashboards

import (
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

func init() { register(Arcs{}) }

// Land is the name under which whoever draws Arcs registers a map: one of land without
// borders, or one that an operator may show.
const Land = "land"

// Arcs are where blocked requests came from.
type Arcs struct {
	Origins []Origin // the first with the most
	To      *Place   // where the sites are; nil if nobody has said
}

// Origin is a country or city.
type Origin struct {
	Name string // of a database
	Place
	N int64
}

// Place is a point of the earth, in degrees.
type Place struct{ Latitude, Longitude float64 }

// Name implements Chart.
func (Arcs) Name() string { return "arcs" }

// Heading implements Chart.
func (Arcs) Heading(l Language) string { return words[l]["arcs"] }

// arc is a line, which opts has no type for.
type arc struct {
	Name   string        `json:"name"`
	Value  int64         `json:"value"`
	Coords [2][2]float64 `json:"coords"`
}

// point is a dot, whose size opts has in whole series alone.
type point struct {
	Name       string     `json:"name"`
	Value      [3]float64 `json:"value"`
	SymbolSize float64    `json:"symbolSize"`
}

func (x Arcs) draw(s style) *charts.BaseConfiguration {
	c := charts.NewGeo()
	c.GeoComponent = opts.GeoComponent{Map: Land, Silent: opts.Bool(true), ItemStyle: &opts.ItemStyle{AreaColor: s.line, BorderColor: s.line}}
	points, lines := []point{}, []arc{}
	for _, o := range x.Origins {
		name := label(o.Name)
		at := [2]float64{o.Longitude, o.Latitude}
		points = append(points, point{Name: name, Value: [3]float64{at[0], at[1], float64(o.N)}, SymbolSize: dotSize(o.N)})
		if x.To != nil {
			lines = append(lines, arc{Name: name, Value: o.N, Coords: [2][2]float64{at, {x.To.Longitude, x.To.Latitude}}})
		}
	}
	c.MultiSeries = append(c.MultiSeries, charts.SingleSeries{
		Name: s.say("blocked"), Type: types.ChartScatter, CoordSystem: types.ChartGeo, Data: points, ItemStyle: &opts.ItemStyle{Color: s.blocked},
	})
	if x.To != nil {
		c.MultiSeries = append(c.MultiSeries, charts.SingleSeries{
			Name: s.say("blocked"), Type: "lines", CoordSystem: types.ChartGeo, Data: lines,
			LineStyle: &opts.LineStyle{Color: s.blocked, Width: 1, Opacity: opts.Float(0.5), Curveness: 0.2},
		})
	}
	c.Legend.Show = opts.Bool(false)
	c.Tooltip = opts.Tooltip{Show: opts.Bool(true), Trigger: "item"}
	return &c.BaseConfiguration
}

// dotSize is the width of a dot, in pixels: the area grows with the logarithm.
func dotSize(n int64) float64 {
	return math.Round(10*(4+3*math.Sqrt(math.Log10(1+float64(max(n, 0)))))) / 10
}
