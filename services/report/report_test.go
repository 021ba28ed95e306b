package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/gatewatch/gatewatch/dashboards"
)

var update = flag.Bool("update", false, "write golden files anew")

var languages = []dashboards.Language{dashboards.English, dashboards.Chinese}

// write writes a report in a format.
func write(t *testing.T, name string, w *WAF) []byte {
	t.Helper()
	f, err := ParseFormat(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden: each format is what it was, in each language.
func TestGolden(t *testing.T) {
	n := 0
	for name := range formats {
		for _, l := range languages {
			n++
			got := write(t, name, example(l, "/wp-login.php"))
			file := filepath.Join("testdata", "waf."+string(l)+"."+name)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
	if n != 6 {
		t.Errorf("%d files were compared", n)
	}
}

// elements are all that a report is made of: none runs, loads, or leads anywhere.
var elements = []string{
	"html", "head", "meta", "title", "style", "body", "header", "section", "h1", "h2", "h3", "p", "ul", "ol", "li", "b", "i", "br", "wbr", "span",
	"table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "rect", "line", "circle", "path", "text",
}

// attributes are all that these may have.
var attributes = []string{
	"lang", "charset", "name", "content", "http-equiv", "class", "colspan", "viewbox", "width", "height", "role", "aria-label",
	"x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "d", "text-anchor",
}

// TestHostileHTML: what others wrote is text, all of which shows.
func TestHostileHTML(t *testing.T) {
	for _, l := range languages {
		page := write(t, "html", example(l, evil))
		noneHidden(t, page)
		z := html.NewTokenizer(bytes.NewReader(page))
		texts := ""
		for z.Next() != html.ErrorToken {
			token := z.Token()
			switch token.Type {
			case html.StartTagToken, html.SelfClosingTagToken:
				if !slices.Contains(elements, token.Data) {
					t.Errorf("the page has an element %s", token.Data)
				}
				for _, a := range token.Attr {
					if !slices.Contains(attributes, strings.ToLower(a.Key)) || strings.Contains(a.Val, "://") {
						t.Errorf("%s has %s=%q", token.Data, a.Key, a.Val)
					}
				}
			case html.TextToken:
				texts += token.Data
			}
		}
		if n := strings.Count(texts, "<script>alert(1)</script>"); n < 25 {
			t.Errorf("what a hostile name holds is text in %d places", n)
		}
		if !strings.Contains(texts, `\u202e`) || !strings.Contains(texts, `\x1b[2J`) {
			t.Error("characters that act have no escapes")
		}
		if bytes.Contains(page, []byte("ZgotmplZ")) || bytes.Contains(page, []byte("%!")) {
			t.Error("a value could not be written")
		}
	}
}

// TestHostileCSV: no cell is a formula, and nothing hides.
func TestHostileCSV(t *testing.T) {
	for _, l := range languages {
		file := write(t, "csv", example(l, evil))
		noneHidden(t, file)
		rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
					t.Errorf("cell %q", cell)
				}
			}
		}
		if len(rows) < 60 {
			t.Errorf("%d rows", len(rows))
		}
	}
}

// TestHostileJSON: it reads back as it was, and shows whole in a terminal.
func TestHostileJSON(t *testing.T) {
	for _, l := range languages {
		file := write(t, "json", example(l, evil))
		noneHidden(t, file)
		var back document
		if err := json.Unmarshal(file, &back); err != nil {
			t.Fatal(err)
		}
		if back.Rules[2].Name != evil || back.Nodes[1].Name != evil {
			t.Errorf("%q came back as %q", evil, back.Rules[2].Name)
		}
		if bytes.ContainsAny(file, "<>&") {
			t.Error("it has characters of markup")
		}
	}
}

// noneHidden fails if a file has characters that do not show, but line breaks.
func noneHidden(t *testing.T, file []byte) {
	t.Helper()
	for _, r := range string(file) {
		if r != '\n' && (dashboards.Hidden(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("the file has %U", r)
		}
	}
}

// TestEmpty: a report of nothing says so.
func TestEmpty(t *testing.T) {
	for _, l := range languages {
		w := &WAF{Language: l, Made: noon, From: noon, To: noon}
		for name := range formats {
			got := string(write(t, name, w))
			if strings.Contains(got, "NaN") || strings.Contains(got, "<nil>") || strings.Contains(got, ": null") && name != "json" {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

// TestWords: both languages say the same with the same parts, and none says nothing.
func TestWords(t *testing.T) {
	part := regexp.MustCompile(`%\[\d\]s`)
	han := regexp.MustCompile(`\p{Han}`)
	for _, key := range slices.Sorted(maps.Keys(words)) {
		w := words[key]
		a, b := part.FindAllString(w.en, -1), part.FindAllString(w.zh, -1)
		slices.Sort(a)
		slices.Sort(b)
		if diff := cmp.Diff(a, b); w.en == "" || diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
		if han.MatchString(w.en) || !han.MatchString(w.zh) {
			t.Errorf("%s is not in its language: %q, %q", key, w.en, w.zh)
		}
	}
}

// TestTranslated: the Chinese page says nothing in English but names and what is
// marked as English.
func TestTranslated(t *testing.T) {
	page := string(write(t, "html", example(dashboards.Chinese, "x")))
	for _, w := range words {
		if len(w.en) > 12 && strings.Contains(page, ">"+w.en+"<") {
			t.Errorf("the page has %q", w.en)
		}
	}
	if !strings.Contains(page, `<html lang="zh-CN">`) || !strings.Contains(page, `<ul lang="en">`) {
		t.Error("languages are not marked")
	}
}

func TestParse(t *testing.T) {
	if f, err := ParseFormat(""); err != nil || f.Name != "html" {
		t.Errorf("no format is %q, %v", f.Name, err)
	}
	if _, err := ParseFormat("pdf"); err == nil || !strings.Contains(err.Error(), "[csv html json]") {
		t.Errorf("pdf: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	s := speaker{language: dashboards.English, zone: noon.Location()}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(s.count(0), "0")
	f(s.count(999), "999")
	f(s.count(1204882), "1,204,882")
	f(s.count(-1000), "−1,000")
	f(s.percent(0.0042), "0.42 %")
	f(s.percent(0.12), "12.0 %")
	f(s.between(0.55, 0.82), "55.0 – 82.0 %")
	f(s.class("941100"), "XSS")
	f(s.class("9411000"), "")
	f(s.class("942<b>"), "")
}
