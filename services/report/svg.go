package report

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"strings"

	"github.com/gatewatch/gatewatch/dashboards"
)

// drawing is a picture that stands in a page. All text in it is escaped.
type drawing struct {
	strings.Builder
}

// newDrawing begins a picture of a size in pixels; label is what it shows, in words.
func newDrawing(width, height float64, label string) *drawing {
	d := &drawing{}
	fmt.Fprintf(d, `<svg viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-label="%s">`, px(width), px(height), px(width), px(height), escaped(label))
	return d
}

// end returns the picture.
func (d *drawing) end() template.HTML {
	d.WriteString("</svg>")
	return template.HTML(d.String()) //nolint:gosec // numbers, constants, and text that is escaped
}

func (d *drawing) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(d, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`, px(x), px(y), px(max(width, 0)), px(max(height, 0)), class)
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(d, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`, px(x1), px(y1), px(x2), px(y2), class)
}

func (d *drawing) circle(x, y, r float64, class string) {
	fmt.Fprintf(d, `<circle cx="%s" cy="%s" r="%s" class="%s"/>`, px(x), px(y), px(r), class)
}

// path draws through points, back to the first one if closed.
func (d *drawing) path(points [][2]float64, closed bool, class string) {
	if len(points) == 0 {
		return
	}
	d.WriteString(`<path d="`)
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		d.WriteString(command + px(p[0]) + " " + px(p[1]))
	}
	if closed {
		d.WriteString("Z")
	}
	fmt.Fprintf(d, `" class="%s"/>`, class)
}

// text writes a line of text; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, s string) {
	fmt.Fprintf(d, `<text x="%s" y="%s" text-anchor="%s">%s</text>`, px(x), px(y), anchor, escaped(s))
}

// px writes a length, to a tenth.
func px(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }

// escaped is a text as XML may have it.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(dashboards.Visible(s))) // a Builder takes everything
	return b.String()
}
