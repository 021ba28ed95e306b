package query

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// FuzzText compares the searches in text with slow ones over folded text.
func FuzzText(f *testing.F) {
	f.Add("Straße", "STRAßE")
	f.Add("\u212Aelvin ſign", "KELVIN SIGN")
	f.Add("xéÉx", "É")
	f.Add("aXbXc", "x")
	f.Add("İstanbul", "i̇")
	f.Add("a\xffB", "\xffb")
	f.Add("ΣΑΣ", "σας")
	f.Add("码码", "码")
	f.Fuzz(func(t *testing.T, s, other string) {
		fs, fo := Fold(s), Fold(other)
		if utf8.ValidString(s) && utf8.ValidString(other) && (fs == fo) != strings.EqualFold(s, other) {
			t.Fatalf("fold of %q and %q: %q and %q", s, other, fs, fo)
		}
		if Fold(fs) != fs {
			t.Fatalf("fold of %q is %q, and again %q", s, fs, Fold(fs))
		}
		if equalFolded(s, fo) != (fs == fo) {
			t.Fatalf("equal %q %q: %t", s, other, fs != fo)
		}
		if sign(compareFold(s, fo)) != strings.Compare(fs, fo) {
			t.Fatalf("compare %q %q: %d", s, other, compareFold(s, fo))
		}
		n := newNeedle(other)
		if n.in(s) != strings.Contains(fs, fo) {
			t.Fatalf("%q in %q: %t", other, s, n.in(s))
		}
		if !utf8.ValidString(s) || !utf8.ValidString(other) {
			return
		}
		parts := strings.Split(other, "*")
		if len(parts) < 2 {
			parts = []string{"", other, ""}
		}
		var pattern strings.Builder
		for i, p := range parts {
			if i > 0 {
				pattern.WriteString(".*")
			}
			pattern.WriteString(regexp.QuoteMeta(Fold(p)))
		}
		want := regexp.MustCompile("^(?s:" + pattern.String() + ")$").MatchString(fs)
		if got := newGlob(parts).MatchText(s); got != want {
			t.Fatalf("glob %q on %q: %t", parts, s, got)
		}
	})
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// FuzzEqual demands that a value equals a literal where their tokens are the
// same, and only there: a filter over tokens misses nothing.
func FuzzEqual(f *testing.F) {
	f.Add("500", "500.0", int64(500), 500.0)
	f.Add("-0", "0", int64(0), math.Copysign(0, -1))
	f.Add("9007199254740993", "9007199254740992", int64(9007199254740993), 9007199254740992.0)
	f.Add("1e300", "true", int64(1), 1e300)
	f.Add("::ffff:1.2.3.4", "1.2.3.4", int64(0), 0.1)
	f.Add("2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000+01:00", int64(1767225600e9), 1e21)
	f.Add("0.10", "FE80::1", int64(-5), 0.1)
	f.Fuzz(func(t *testing.T, literal, text string, n int64, x float64) {
		if x != x || math.IsInf(x, 0) {
			return
		}
		op := &Equal{newLiteral(literal, true, event.Key{})}
		values := []event.Value{
			event.String(text), event.String(literal), event.Int(n), event.Float(x), event.Float(float64(n)),
			event.Bool(n%2 == 0), event.Time(n),
		}
		for _, s := range []string{text, literal} {
			if a, ok := event.ParseIP(s); ok {
				values = append(values, event.IP(a))
			}
		}
		for _, v := range values {
			same := string(AppendToken(nil, v)) == op.Literal.Token
			if got := op.MatchValue(v); got != same {
				t.Fatalf("%q and %v %q: %t, but tokens %q and %q", literal, v.Kind(), v, got, op.Literal.Token, AppendToken(nil, v))
			}
		}
		if !op.MatchText(literal) {
			t.Fatalf("%q does not equal itself", literal)
		}
	})
}

func TestCompare(t *testing.T) {
	ip := func(s string) event.Value { a, _ := event.ParseIP(s); return event.IP(a) }
	order := []event.Value{
		event.Float(math.Inf(-1)), event.Int(math.MinInt64), event.Float(-1.5), event.String("-1"), event.Int(0), event.String("0"),
		event.String("0.0"), event.Float(0.5), event.Int(9), event.String("10"), event.Float(1 << 53), event.Int(1<<53 + 1),
		event.Float(1 << 63), event.Time(5), event.Time(6), ip("10.0.0.1"), ip("10.0.0.2"), ip("::1"), event.Bool(false), event.Bool(true),
		event.String(""), event.String("007"), event.String("A"), event.String("a"), event.String("aB"), event.String("äa"), event.String("Äb"),
		{},
	}
	for i, a := range order {
		for j, b := range order {
			if got := sign(Compare(a, b)); got != sign(i-j) {
				t.Errorf("%v and %v: %d, want %d", a, b, got, sign(i-j))
			}
		}
	}
	if Compare(event.Int(3), event.Float(3)) != 0 {
		t.Error("3 and 3.0 differ")
	}
}

func TestIdentity(t *testing.T) {
	ip6, _ := event.ParseIP("2001:db8::1")
	ip4, _ := event.ParseIP("192.0.2.1")
	values := []event.Value{
		{},
		event.String(""), event.String(strings.Repeat("x", 300)), event.Int(-1), event.Float(1.5), event.Bool(true),
		event.Bool(false), event.Time(time.Second.Nanoseconds()), event.IP(ip4), event.IP(ip6), event.String("end"),
	}
	var id []byte
	for _, v := range values {
		id = appendIdentity(id, v)
	}
	rest := string(id)
	for _, want := range values {
		var got event.Value
		if got, rest = readIdentity(rest); !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if rest != "" {
		t.Errorf("%q is left", rest)
	}
	if string(appendIdentity(nil, event.Int(2))) != string(appendIdentity(nil, event.Float(2))) {
		t.Error("2 and 2.0 are two groups")
	}
}
