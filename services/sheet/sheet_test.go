package sheet

import "testing"

func TestCell(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("a=b", "a=b")
	f(`=HYPERLINK("http://evil.example")`, `'=HYPERLINK("http://evil.example")`)
	f("+1", "'+1")
	f("-1", "'-1")
	f("@SUM(A1)", "'@SUM(A1)")
	f("\t=1", "'\t=1")
	f("\r=1", "·=1")
	f("\n=1", "'\n=1")
	f("a\x1b[31m\u202eb\xff\u2028", "a·[31m·b\ufffd·")
}
