package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

func init() {
	register(Format{Name: "html", Type: "text/html; charset=utf-8", write: writeHTML})
}

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is the template; what it calls is bound anew for each report.
var page = template.Must(template.New("page").Funcs(speaker{zone: time.UTC}.functions()).Parse(pageText))

// policy lets a browser take the style of the page, and nothing else from anywhere.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// writeHTML writes one page that needs nothing beside it: no script, no request, its
// charts as SVG. It is made for A4.
func writeHTML(out io.Writer, w *WAF) error {
	p, err := page.Clone()
	if err != nil {
		return err
	}
	s := w.speaker()
	return p.Funcs(s.functions()).Execute(out, view{
		WAF: w, Style: template.CSS(pageStyle), Policy: policy, //nolint:gosec // a constant
		Zone: s.zoneName(w.To), MostRate: mostRate(w.Rates),
	})
}

// view is what the page shows.
type view struct {
	*WAF
	Style    template.CSS
	Policy   string
	Zone     string
	MostRate float64 // the end of the axis of rates
}

// Overall are the rates of all.
func (v view) Overall() dashboards.Rates {
	return slices.DeleteFunc(slices.Clone(v.Rates), func(r dashboards.Rate) bool { return r.Scope != "" })
}

// LabelCount is how many decisions have a label.
func (v view) LabelCount() (n int64) {
	for _, l := range v.Labels {
		n += int64(l.N)
	}
	return n
}

// Compared pairs the rates before the first change and after the last one.
func (v view) Compared() (all []compared) {
	if v.Before == nil || v.After == nil {
		return nil
	}
	for i := range v.Before.Rates {
		c := compared{Kind: v.Before.Rates[i].Kind, Before: v.Before.Rates[i]}
		for j := range v.After.Rates {
			if v.After.Rates[j].Kind == c.Kind {
				c.After = v.After.Rates[j]
			}
		}
		all = append(all, c)
	}
	return all
}

type compared struct {
	Kind          string
	Before, After dashboards.Rate
}

// mostRate is the end of an axis on which rates are drawn.
func mostRate(all dashboards.Rates) float64 {
	most := 0.0
	for _, r := range all {
		if r.Enough {
			most = max(most, r.High)
		}
	}
	return roundShare(most)
}

// functions are what the template calls.
func (s speaker) functions() template.FuncMap {
	return template.FuncMap{
		"say": s.say, "percent": s.percent, "known": s.known, "class": s.class, "when": s.moment,
		"count":  s.countAny,
		"shown":  func(text string) template.HTML { return shown(text, "") },
		"long":   func(text string) template.HTML { return shown(text, "/&?=;,._-|") },
		"share":  s.share,
		"rate":   s.rate,
		"spread": s.spread,
		"lang":   func() string { return string(s.language) },
		"rules": func(ids []int) string {
			all := make([]string, len(ids))
			for i, id := range ids {
				all[i] = strconv.Itoa(id)
			}
			return strings.Join(all, " ")
		},
		"traffic": s.drawTraffic, "whatif": s.drawWhatIf, "bar": s.drawBar, "interval": s.drawInterval,
	}
}

func (s speaker) countAny(n any) (string, error) {
	switch n := n.(type) {
	case int:
		return s.count(int64(n)), nil
	case int64:
		return s.count(n), nil
	case uint64:
		return s.count(int64(min(n, 1<<62))), nil
	case float64:
		return strconv.FormatFloat(n, 'f', 1, 64), nil
	}
	return "", fmt.Errorf("count of a %T", n)
}

// share writes a share with its interval; nil is a dash.
func (s speaker) share(x *tuning.Share) string {
	if x == nil {
		return "–"
	}
	return s.percent(x.Value) + " (n = " + s.count(int64(x.N)) + ")"
}

// rate writes an estimate, or why there is none.
func (s speaker) rate(r dashboards.Rate) string {
	switch {
	case r.Enough:
		return s.percent(r.Value)
	case r.N == 0:
		return s.must("nothing")
	case strings.HasSuffix(r.Why, "of all draws"):
		return s.must("outside", s.count(int64(r.Labels)))
	}
	return s.must("notenough", s.count(int64(r.Labels)))
}

// spread writes the interval of an estimate, "" if there is none.
func (s speaker) spread(r dashboards.Rate) string {
	if !r.Enough {
		return ""
	}
	return s.between(r.Low, r.High)
}

// shown is a text of others: what does not show, or acts, is an escape that stands out.
// Behind each of breaks the line may be broken.
func shown(text, breaks string) template.HTML {
	var b strings.Builder
	for _, p := range dashboards.Parts(text) {
		if p.Escaped {
			b.WriteString(`<span class="escape">` + template.HTMLEscapeString(p.Text) + `</span>`)
			continue
		}
		for _, r := range p.Text {
			b.WriteString(template.HTMLEscapeString(string(r)))
			if strings.ContainsRune(breaks, r) {
				b.WriteString("<wbr>")
			}
		}
	}
	return template.HTML(b.String()) //nolint:gosec // each piece is escaped
}
