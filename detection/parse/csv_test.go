package parse

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// splitCSV returns all fields of a record, and whether its quotes are whole.
func splitCSV(s string) (fields []string, ok bool) {
	var e event.Event
	ok = true
	for more := true; more; {
		var field string
		var whole bool
		field, s, more, whole = csvField(s, &e)
		fields, ok = append(fields, field), ok && whole
	}
	return fields, ok
}

func TestCSVField(t *testing.T) {
	f := func(in string, whole bool, want ...string) {
		t.Helper()
		got, ok := splitCSV(in)
		if diff := cmp.Diff(want, got); diff != "" || ok != whole {
			t.Errorf("%q: whole %v (-want +got):\n%s", in, ok, diff)
		}
	}
	f(``, true, "")
	f(`a,,b`, true, "a", "", "b")
	f(`,`, true, "", "")
	f(`"a,b","c ""d""",e`, true, "a,b", `c "d"`, "e")
	f(`"",""""`, true, "", `"`)
	f(`a"b"c,d`, true, `a"b"c`, "d")
	f(`"a"b,c`, true, `a"b`, "c")
	f(`"a"b`, true, `a"b`)
	f(`a,"open, to the end`, false, "a", "open, to the end")
	f(`"`, false, "")
}

func FuzzCSVField(f *testing.F) {
	f.Add(`a,"b ""c"" d",e`)
	f.Add(`"x"y,"`)
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := splitCSV(in)
		if total := len(strings.Join(got, ",")); total > len(in) {
			t.Fatalf("%q: fields of %d bytes", in, total)
		}
		if strings.ContainsAny(in, "\r\n") || in == "" || !ok {
			return
		}
		if want, err := csv.NewReader(strings.NewReader(in)).Read(); err == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q (-encoding/csv +got):\n%s", in, diff)
			}
		}
	})
}
