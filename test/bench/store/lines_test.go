package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPrepare reads events as other programs write them.
func TestPrepare(t *testing.T) {
	var in, out bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&in, `{"@timestamp":"2026-03-0%dT00:00:%02d+01:00","event":{"original":"GET /page/%d from %d","id":"x"},"client":{"name":"c%d","port":%d},"none":null,"empty":"","list":["a"],"one":"same"}`+"\n",
			1+i/20, i, i/10, i, i%3, 1e6+i)
	}
	in.WriteString(`{"message":"it has no time"}` + "\n")
	s, err := prepare(&in, &out)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if want := `{"@timestamp":"2026-03-01T00:00:00+01:00","client.name":"c0","client.port":1000000,"list":["a"],"message":"GET /page/0 from 0","one":"same"}`; first != want {
		t.Errorf("first line\n%s, want\n%s", first, want)
	}
	if s.Events != 40 || s.left != 1 || s.Bytes != int64(out.Len()) || s.From.String() != "2026-02-28 23:00:00 +0000 UTC" || s.To.String() != "2026-03-01 23:00:40 +0000 UTC" {
		t.Errorf("sample %+v", s.truth)
	}
	if s.field != "client.name" || s.having != 40 || s.most != 14 {
		t.Errorf("field %s of %d, %d", s.field, s.having, s.most)
	}
	if n := strings.Count(out.String(), s.substring); s.substring == "" || n != s.Holding || n == 0 {
		t.Errorf("substring %q in %d, want %d", s.substring, s.Holding, n)
	}
	if len(s.newest) != 40 || s.newest[0] != "2026-03-01T23:00:39.000000000Z" {
		t.Errorf("newest %q", s.newest)
	}
	for _, bad := range []string{"", "no event\n", `{"message":"it has no time"}` + "\n"} {
		if _, err := prepare(strings.NewReader(bad), &out); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestTimesIn(t *testing.T) {
	want := []string{"2026-03-01T00:00:02.500000000Z", "2026-03-01T00:00:01.000000000Z"}
	for _, body := range []string{
		`{"_time":"2026-03-01T00:00:01Z","_msg":"a"}` + "\n" + `{"_time":"2026-03-01T00:00:02.5Z"}`,
		`{"events":[{"@timestamp":"2026-03-01T00:00:02.5Z","event.original":"{\"@timestamp\":\"x\"}"},{"@timestamp":"2026-03-01T01:00:01+01:00"}]}`,
	} {
		if diff := cmp.Diff(want, timesIn([]byte(body))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}
