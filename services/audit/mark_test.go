package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMark: a log goes on from each of its moments, also within a bundle; an
// older copy, another history of the same key and another log do not.
func TestMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	l := open(t, dir)
	var marks []Mark
	mark := func() {
		t.Helper()
		m, err := l.Mark()
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, m)
	}
	holds := func(dir string, l *Log, m Mark, want string) {
		t.Helper()
		why, err := l.Lost(m)
		if err != nil || !strings.HasPrefix(why, want) || (why == "") != (want == "") {
			t.Errorf("%+v: %q, %v, want %q", m, why, err, want)
		}
		_, err = Verify(dir, "", []Mark{m}, nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("verify %+v: %v, want %q", m, err, want)
		}
	}
	mark()
	fill(t, l, 3)
	mark()
	older := filepath.Join(t.TempDir(), Dir)
	if err := os.CopyFS(older, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{keyFile, publicFile} {
		if err := os.Chmod(filepath.Join(older, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{200, width - 203, 1, 143, width} { // also with a bundle that is full, and not yet finished
		fill(t, l, n)
		mark()
		holds(dir, l, marks[len(marks)-1], "")
	}
	for _, m := range marks {
		holds(dir, l, m, "")
	}
	o := open(t, older)
	holds(older, o, marks[1], "")
	holds(older, o, marks[2], "the state remembers a longer log: it had 203 leaves, this one has 3")
	for range 700 {
		if _, err := o.Append(t.Context(), Leaf{Actor: Server, Act: ActAlert, Object: "another"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range marks[2:] {
		holds(older, o, m, "the state remembers other leaves")
	}
	next := filepath.Join(t.TempDir(), Dir)
	holds(next, open(t, next), marks[4], "the state remembers another log: gatewatch/audit/")
}
