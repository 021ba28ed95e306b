package query

import (
	"strings"
	"testing"
	"time"
)

func TestHints(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		q, err := Parse(text, time.Unix(0, 0))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := q.Hints()
		if len(got) != len(want) {
			t.Fatalf("%s: hints %q, want %q", text, got, want)
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: hint %q, want %q", text, got[i], want[i])
			}
		}
	}
	f("*")
	f("source.ip: 203.0.113.0/24 and url.path: ~root and selected and from")
	f("url.path ~ admin or user.name ~ x", "FIELD: /EXPRESSION/")
	f(`"url.path ~ admin"`, "FIELD: /EXPRESSION/")
	f("SELECT * FROM events", "SQL")
	f("select url.path from events where x", "SQL")
	f(`source.ip: "203.0.113.0/24"`, "source.ip: 203.0.113.0/24 without quotes")
	f(`* | where not source.ip: ("2001:db8::/32" or 10.0.0.0/8)`, "source.ip: 2001:db8::/32 without quotes")
}

func TestPipeNamesOfOthers(t *testing.T) {
	_, err := Parse("* | drop url.path", time.Unix(0, 0))
	if err == nil || !strings.Contains(err.Error(), "drop is not a pipe: did you mean keep?") {
		t.Errorf("drop: %v", err)
	}
}
