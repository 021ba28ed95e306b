package parse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// corazaRecords are the whole records of Coraza's JSON in the golden that have
// at least three messages.
func corazaRecords(tb testing.TB) [][]byte {
	tb.Helper()
	f, _ := Lookup("coraza.audit")
	cases, _ := readGolden(tb, f)
	var records [][]byte
	for _, c := range cases {
		for _, r := range c.records {
			if c.name == "json" && bytes.Count(r, []byte(`"actionset"`)) >= 3 {
				records = append(records, r)
			}
		}
	}
	if len(records) == 0 {
		tb.Fatal("the golden has no record with three messages")
	}
	return records
}

// BenchmarkCorazaAudit reports bytes of records a second on one core.
func BenchmarkCorazaAudit(b *testing.B) {
	record := corazaRecords(b)[0]
	f, _ := Lookup("coraza.audit")
	c := &Context{Received: 1}
	var e event.Event
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Read(record, c, &e); err != nil {
			b.Fatal(err)
		}
		if e.Get(event.WAFAnomalyScore).Int() != 10 || e.Get(event.HTTPRequestMethod).Text() != "GET" {
			b.Fatal("record is read wrongly")
		}
	}
}

func TestAuditTellsOfTooManyMatches(t *testing.T) {
	message := `{"message":"m","data":{"id":942100,"msg":"m","data":"d","severity":2}}`
	raw := fmt.Appendf(nil, `{"transaction":{"id":"x","is_interrupted":false},"messages":[%s]}`,
		strings.Repeat(message+",", 5000)+message)
	f, _ := Lookup("coraza.audit")
	var e event.Event
	err := f.Read(raw, &Context{}, &e)
	if Reason(err) != "too many matches" {
		t.Errorf("error is %v", err)
	}
	n := 0
	for range e.Values(event.WAFMatchRuleID) {
		n++
	}
	if n != maxMatches {
		t.Errorf("%d matches are listed, want %d", n, maxMatches)
	}
}

func TestRuleTextFromHostileData(t *testing.T) {
	f := func(message, id, unique string) {
		t.Helper()
		var e event.Event
		got, _ := parseRuleText(&e, message)
		if got.id != id || got.unique != unique {
			t.Errorf("%s\n got %q %q, want %q %q", message, got.id, got.unique, id, unique)
		}
	}
	const head = `ModSecurity: Warning. x [file "f"] [line "1"] [id "942100"] `
	f(head+`[msg "m"] [data "a"] [id "1"] [unique_id "forged"] b"] [uri "/"] [unique_id "real"]`, "942100", "real")
	f(head+`[data "a\"] [unique_id \"forged\"] b"] [unique_id "real"]`, "942100", "real")
	f(head+`[data "cut`, "942100", "")
	f(`nothing of a rule`, "", "")
	f(`[id "x"] ModSecurity: late`, "", "")
}

// TestAuditClient reads records whose headers name the client in two ways.
func TestAuditClient(t *testing.T) {
	trusted, err := NewTrusted([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	format, _ := Lookup("coraza.audit")
	f := func(headers, want string) {
		t.Helper()
		record := `{"transaction":{"id":"x","client_ip":"10.0.0.2","request":{"method":"GET","uri":"/","headers":` + headers + `}}}`
		var e event.Event
		if err := format.Read([]byte(record), &Context{Received: 1, Trusted: trusted}, &e); err != nil {
			t.Fatal(err)
		}
		if got := e.Get(event.ClientIP).Addr().String(); got != want {
			t.Errorf("%s: client %s, want %s", headers, got, want)
		}
	}
	f(`{"x-forwarded-for":["198.51.100.7"]}`, "198.51.100.7")
	f(`{"forwarded":["for=198.51.100.7;proto=https"]}`, "198.51.100.7")
	f(`{"x-forwarded-for":["198.51.100.7"],"Forwarded":["for=198.51.100.7"]}`, "198.51.100.7")
	f(`{"x-forwarded-for":["192.0.2.1"],"forwarded":["for=198.51.100.7"]}`, "10.0.0.2")
}
