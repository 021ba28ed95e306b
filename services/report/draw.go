package report

import (
	"html/template"
	"math"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
)

// Sizes of pictures, in pixels.
const (
	drawWidth  = 680.0
	drawHeight = 150.0
	axisLeft   = 52.0
	axisBottom = 22.0
	drawTop    = 10.0
)

// drawTraffic draws blocked on allowed requests over time.
func (s speaker) drawTraffic(t dashboards.Traffic) template.HTML {
	n := len(t.Points)
	if n == 0 {
		return ""
	}
	most := int64(1)
	for _, p := range t.Points {
		most = max(most, p.Blocked+p.Allowed)
	}
	top := roundUp(float64(most))
	d := newDrawing(drawWidth, drawHeight, s.must("traffic"))
	plot := drawHeight - axisBottom - drawTop
	y := func(v float64) float64 { return drawTop + plot*(1-v/top) }
	s.countAxis(d, top, y)
	each := (drawWidth - axisLeft) / float64(n)
	for i, p := range t.Points {
		x, width := axisLeft+float64(i)*each, max(each-min(1.5, each*0.2), 0.5)
		d.rect(x, y(float64(p.Allowed)), width, y(0)-y(float64(p.Allowed)), "allowed")
		d.rect(x, y(float64(p.Allowed+p.Blocked)), width, y(float64(p.Allowed))-y(float64(p.Allowed+p.Blocked)), "blocked")
	}
	for i := 0; i < n; i += max(1, (n+4)/5) {
		d.text(axisLeft+float64(i)*each, drawHeight-6, "start", s.tick(t.Points[i].Time, t.Points[n-1].Time.Sub(t.Points[0].Time)))
	}
	return d.end()
}

// tick is a time on an axis that is so long.
func (s speaker) tick(t time.Time, span time.Duration) string {
	switch t = t.In(s.zone); {
	case span > 4*24*time.Hour:
		return t.Format("01-02")
	case span > 12*time.Hour:
		return t.Format("01-02 15:04")
	}
	return t.Format("15:04")
}

func (s speaker) countAxis(d *drawing, top float64, y func(float64) float64) {
	for _, v := range []float64{0, top / 2, top} {
		d.line(axisLeft, y(v), drawWidth, y(v), "axis")
		d.text(axisLeft-6, y(v)+4, "end", s.count(int64(v)))
	}
}

// roundUp is the next even number of one digit and zeros.
func roundUp(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 6, 8, 10} {
		if v <= step*unit {
			return max(step*unit, 2)
		}
	}
	return 10 * unit
}

// drawInterval draws a rate: a band from low to high, and a dot at the estimate.
func (s speaker) drawInterval(r dashboards.Rate, most float64) template.HTML {
	const width, height = 150.0, 16.0
	d := newDrawing(width, height, s.known("rate", r.Kind))
	d.line(0, height/2, width, height/2, "axis")
	if r.Enough && most > 0 {
		class := "fp"
		if r.Kind == "missed" {
			class = "missed"
		}
		x := func(share float64) float64 { return 3 + (width-6)*min(share/most, 1) }
		d.rect(x(r.Low), height/2-4, max(x(r.High)-x(r.Low), 2), 8, class+" band")
		d.circle(x(r.Value), height/2, 3, class)
	}
	return d.end()
}

// roundShare is a round share above others, for the end of an axis.
func roundShare(share float64) float64 {
	for _, most := range []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5} {
		if share <= most {
			return most
		}
	}
	return 1
}

// drawBar draws a part of the most.
func (s speaker) drawBar(n, most int64) template.HTML {
	const width, height = 110.0, 10.0
	d := newDrawing(width, height, s.count(n))
	if most > 0 {
		d.rect(0, 1, max(width*float64(n)/float64(most), 1), height-2, "blocked")
	}
	return d.end()
}

// drawWhatIf draws the blocked share by threshold, a line for each paranoia level.
func (s speaker) drawWhatIf(w dashboards.WhatIf) template.HTML {
	if len(w.Curves) == 0 || len(w.Curves[0].Points) == 0 {
		return ""
	}
	most, first, last := 0.0, math.MaxInt, 1
	for _, c := range w.Curves {
		for _, p := range c.Points {
			most, first, last = max(most, p.Blocked), min(first, p.Threshold), max(last, p.Threshold)
		}
	}
	most = roundShare(most)
	d := newDrawing(drawWidth, drawHeight, s.must("whatif"))
	plot := drawHeight - axisBottom - drawTop
	const right = 120.0 // room for the names of lines
	x := func(t int) float64 {
		return axisLeft + (drawWidth-axisLeft-right)*float64(t-first)/float64(max(last-first, 1))
	}
	y := func(share float64) float64 { return drawTop + plot*(1-share/most) }
	for _, v := range []float64{0, most / 2, most} {
		d.line(axisLeft, y(v), drawWidth-right, y(v), "axis")
		d.text(axisLeft-6, y(v)+4, "end", strconv.FormatFloat(100*v, 'g', 3, 64)+" %")
	}
	for t := first; t <= last; t++ {
		if t == first || t%5 == 0 {
			d.text(x(t), drawHeight-6, "middle", strconv.Itoa(t))
		}
	}
	if w.Threshold >= first && w.Threshold <= last {
		d.line(x(w.Threshold), drawTop, x(w.Threshold), y(0), "mark")
	}
	for i, c := range w.Curves {
		points := make([][2]float64, 0, len(c.Points))
		for _, p := range c.Points {
			points = append(points, [2]float64{x(p.Threshold), y(p.Blocked)})
		}
		class := "series" + strconv.Itoa(i%4+1)
		d.path(points, false, class)
		d.rect(drawWidth-right+10, drawTop+float64(i)*18+3, 10, 3, class+"f")
		d.text(drawWidth-right+26, drawTop+float64(i)*18+8, "start", s.must("level", strconv.Itoa(c.Paranoia)))
	}
	return d.end()
}
