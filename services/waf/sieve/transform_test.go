package sieve

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/google/go-cmp/cmp"
)

const seeOperator = "gatewatchSee"

func init() {
	plugins.RegisterOperator(seeOperator, func(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		return o.Root.(*seen), nil
	})
}

// seen are the values that Coraza gave to an operator.
type seen struct{ values []string }

func (s *seen) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (s *seen) Evaluate(_ plugintypes.TransactionState, value string) bool {
	s.values = append(s.values, value)
	return false
}

// asked returns what Coraza makes of a value: after the transformation, and where it
// says that this changed nothing, the value alone.
func asked(t testing.TB, name string) func(value string) (out string, multi []string) {
	s := &seen{}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(s).WithDirectives("SecRuleEngine On\n" +
		fmt.Sprintf("SecRule REQUEST_METHOD \"@%s\" \"id:1,phase:1,pass,nolog,t:none,t:%s\"\n", seeOperator, name) +
		fmt.Sprintf("SecRule REQUEST_METHOD \"@%s\" \"id:2,phase:1,pass,nolog,t:none,t:%s,multiMatch\"\n", seeOperator, name)))
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) (string, []string) {
		s.values = nil
		tx := waf.NewTransaction()
		defer func() { _ = tx.Close() }()
		tx.ProcessURI("/", value, "HTTP/1.1")
		tx.ProcessRequestHeaders()
		if len(s.values) < 2 {
			t.Fatalf("Coraza gave %q", s.values)
		}
		return s.values[0], s.values[1:]
	}
}

func checkTransform(t testing.TB, name string, ask func(string) (string, []string), value string) {
	t.Helper()
	want, multi := ask(value)
	got, changed := transforms[name](value)
	if got != want {
		t.Errorf("%s(%q) = %q, Coraza says %q", name, value, got, want)
	}
	steps := []string{value}
	if changed {
		steps = append(steps, got)
	}
	if diff := cmp.Diff(multi, steps); diff != "" {
		t.Errorf("%s(%q) with multiMatch (-Coraza +sieve):\n%s", name, value, diff)
	}
}

// pieces are what transformations look for.
var pieces = []string{
	"a", "B", "Z", "0", "9", "ff", "41", "u", "U", "x", "%", "%u", "%uff1c", "%u0131", "%u2018", "%41", "%4", "%zz", "+", " ", "  ", "\t", "\n",
	"\r", "\v", "\x00", "\xa0", "\u00a0", "\u0085", "\x85", "é", "本", "ſ", "K", "\xff", "\xc3", "İ", "\U0001f600", "\u2028", "\\", "\\u", "\\u0041", "\\uff1c",
	"\\uFF5f", "\\u{41}", "\\u{00ff01}", "\\u{1234567}", "\\u{", "\\x41", "\\x4", "\\X41", "\\101", "\\777", "\\400", "\\18", "\\8", "\\n", "\\?", "\\'", "\\41 ", "\\0", "\\110000",
	"&", "&lt;", "&lt", "&#x41;", "&#65", "&bne;", "&notit;", "&amp;amp;", ";", ",", "/", "//", "/*", "*/", "/**/", "<!--", "-->", "--", "-", "#", "*", "<", "(", ")",
	"'", "\"", "^", "..", ".", "./", "../", "/..", ":", "c:", "::$DATA", "Zm9v", "PHNjcmlwdD4=", "=", "QQ", "QQQ", "~",
}

func someText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(9) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestTransformsAreCorazas(t *testing.T) {
	for name := range transforms {
		t.Run(name, func(t *testing.T) {
			ask := asked(t, name)
			r := rand.New(rand.NewPCG(1, 2))
			checkTransform(t, name, ask, "")
			for _, piece := range pieces {
				checkTransform(t, name, ask, piece)
			}
			for range 3_000 {
				checkTransform(t, name, ask, someText(r))
				if t.Failed() {
					return
				}
			}
		})
	}
}

func FuzzTransform(f *testing.F) {
	f.Add(uint8(0), "%u00e9+\\u{41}")
	names := slices.Sorted(maps.Keys(transforms))
	asks := map[string]func(string) (string, []string){}
	for _, name := range names {
		asks[name] = asked(f, name)
	}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		name := names[int(which)%len(names)]
		checkTransform(t, name, asks[name], value)
	})
}
