package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/queue"
)

func TestBulkAnswersEachItem(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	f := func(path, body string, code int, want string) {
		t.Helper()
		if got, items := w.bulk(path, body); got != code || items != want {
			t.Errorf("%s %.200q: %d %s; want %d %s", path, body, got, items, code, want)
		}
	}
	f("/_bulk", `{"create":{"_index":"web"}}`+"\n"+`{"a":1}`+"\n", 200, "create 201 created")
	f("/web/_bulk", `{"index":{"_id":"1"}}`+"\n"+`{"a":1}`+"\n", 200, "index 201 created")
	f("/web/doc/_bulk", `{"index":{"_id":1,"_type":"doc","routing":null}}`+"\r\n"+`{"a":1}`+"\r\n", 200, "index 200 noop")
	f("/web/_bulk", `{"create":{"_id":"1"}}`+"\n"+`{"a":2}`+"\n", 200, "create 409")
	f("/other/_bulk", `{"create":{"_id":"1"}}`+"\n"+`{"a":2}`+"\n", 200, "create 201 created")
	// Half of a request is malformed: the other half is stored.
	f("/web/_bulk", strings.Join([]string{
		`{"create":{}}`, `{"ok":1}`,
		`{"create":{}}`, `{"cut":`,
		`{"index":null}`, `{"ok":2}`,
		`{"index":{}}`, `[1]`,
		`{"update":{"_id":"1"}}`, `{"doc":{}}`,
		`{"delete":{"_id":"1"}}`,
		`{"index":{"_index":"../../x"}}`, `{"ok":0}`,
		`{"index":{"_index":"` + strings.Repeat("x", 1<<20) + `"}}`, `{"ok":0}`,
		`{"index":{"_id":"` + strings.Repeat("x", 513) + `"}}`, `{"ok":0}`,
		`{"index":{}}`, strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		`{"index":{}}`, `{"n":1e400,"m":9223372036854775808,"a":1,"a":2,"__proto__":{},"constructor":1}`,
		`{"index":{}}`, `{"n":NaN}`,
		`{"index":{}}`, `{"big":"` + strings.Repeat("x", 1<<20) + `"}`,
		`{"index":{}}`, "{\"bytes\":\"\xff\xfe\"}", "",
	}, "\n"), 200, "create 201 created; create 400; index 201 created; index 400; update 400; delete 400; "+
		"index 400; index 400; index 400; index 400; index 201 created; index 400; index 413; index 201 created")
	// The end of a body is missing: what is whole is stored.
	f("/web/_bulk", `{"create":{}}`+"\n"+`{"a":1}`, 200, "create 201 created")
	f("/web/_bulk", `{"create":{}}`+"\n"+`{"a":1}`+"\n"+`{"create":{}}`+"\n"+`{"a":`, 200, "create 201 created; create 400")
	f("/web/_bulk", `{"create":{}}`+"\n"+`{"a":1}`+"\n"+`{"create":{}}`, 200, "create 201 created; create 400")
	f("/web/_bulk", `{"create":{}}`+"\n"+`{"a":1}`+"\n"+`{"crea`, 200, "create 201 created; index 400")
	// An action that can't be read leaves the rest without meaning.
	stored := len(lines(w.log.all()))
	f("/web/_bulk", `{"create":{}}`+"\n"+`{"a":1}`+"\n"+`{"a":2}`+"\n"+`{"create":{}}`+"\n", 400, "")
	f("/web/_bulk", `{"create":{},"index":{}}`+"\n{}\n", 400, "")
	f("/web/_bulk", "not json\n{}\n", 400, "")
	f("/web/_bulk", "", 400, "")
	f("/web/_bulk", "\n\n", 400, "")
	f("/..%2f..%2fx/_bulk", `{"create":{}}`+"\n{}\n", 400, "")
	f("/_all/_bulk", `{"create":{}}`+"\n{}\n", 400, "")
	if got := len(lines(w.log.all())); got != stored {
		t.Errorf("refused requests stored %d records", got-stored)
	}
	if c := counts(t, w.sink, "bulk:web"); c.Refused[ReasonMalformed] == 0 || c.Refused[ReasonOperation] != 2 || c.Refused[ReasonTooLarge] != 1 || c.Conflicts != 1 {
		t.Errorf("counts: %+v", c)
	}
}

func TestBulkKeepsTheBytesAndTheOrder(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	w.bulk("/web/_bulk", "{\"index\":{}}\n { \"a\" : 1 }\n{\"index\":{\"_index\":\"mail\"}}\n{\"b\":\"\xff\"}\n{\"index\":{}}\n{\"c\":3}\n")
	groups := w.log.all()
	got := map[string][]string{}
	for _, g := range groups {
		got[g.Source] = append(got[g.Source], lines([]queue.Group{g})...)
		if g.Format != "auto" || g.Peer != "127.0.0.1" {
			t.Errorf("envelope %+v", g)
		}
	}
	want := map[string][]string{"bulk:web": {` { "a" : 1 }`, `{"c":3}`}, "bulk:mail": {"{\"b\":\"\xff\"}"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBulkUnderPressure(t *testing.T) {
	w := newWeb(t, HTTPConfig{MaxItems: 3, MaxBodyBytes: 4096}, nil)
	doc := `{"create":{"_id":"%s"}}` + "\n" + `{"a":1}` + "\n"
	f := func(body string, code int, want string, headers ...string) {
		t.Helper()
		if got, items := w.bulk("/web/_bulk", body, headers...); got != code || items != want {
			t.Errorf("%.100q: %d %s; want %d %s", body, got, items, code, want)
		}
	}
	f(fmt.Sprintf(doc, "1"), 200, "create 201 created")
	w.log.setFail(queue.ErrFull)
	f(fmt.Sprintf(doc, "2"), 429, "")
	f(fmt.Sprintf(doc, "1")+fmt.Sprintf(doc, "2"), 200, "create 409; create 429")
	w.log.setFail(io.ErrShortWrite)
	f(fmt.Sprintf(doc, "2"), 503, "")
	w.log.setFail(nil)
	f(fmt.Sprintf(doc, "2"), 200, "create 201 created")
	f(strings.Repeat(fmt.Sprintf(doc, "3"), 4), 413, "")
	f(strings.Repeat("x", 5000), 413, "")
	var releases []func()
	for i := 0; w.sink.memory.inUse() < w.sink.memory.total; i++ {
		if release, err := w.sink.tryReserve(origin{"other", fmt.Sprint(i)}, 1<<20); err == nil {
			releases = append(releases, release)
		}
	}
	f(fmt.Sprintf(doc, "4"), 429, "")
	for _, release := range releases {
		release()
	}
	f(fmt.Sprintf(doc, "4"), 200, "create 201 created")
	if n := w.sink.memory.inUse(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
	if rec := w.do("POST", "/_bulk", strings.Repeat("x", 5000), "Content-Type", ndjson); rec.Code != 413 {
		t.Errorf("large body: %d", rec.Code)
	}
}

func TestBulkFilterPath(t *testing.T) {
	w := newWeb(t, HTTPConfig{}, nil)
	body := `{"create":{"_id":"1"}}` + "\n{}\n" + `{"create":{"_id":"2"}}` + "\n{\n"
	f := func(filter, want string) {
		t.Helper()
		w.bulk("/web/_bulk", body)
		rec := w.do("POST", "/web/_bulk?filter_path="+filter, body, "Content-Type", ndjson)
		got := strings.TrimSpace(rec.Body.String())
		if got != want {
			t.Errorf("%s: %s; want %s", filter, got, want)
		}
		if !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s: not JSON: %s", filter, got)
		}
	}
	conflict := `{"type":"version_conflict_engine_exception","reason":"[1]: version conflict, document already exists (current version [1])"}`
	parsing := `{"type":"document_parsing_exception","reason":"failed to parse: read json: value is cut off at byte 1"}`
	f("errors", `{"errors":true}`)
	f("errors,items.*.status", `{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":400}}]}`)
	f("errors,items.*.error,items.*.status",
		`{"errors":true,"items":[{"create":{"status":409,"error":`+conflict+`}},{"create":{"status":400,"error":`+parsing+`}}]}`)
	f("items.index", `{}`)
	f("items.create._id", `{"items":[{"create":{"_id":"1"}},{"create":{"_id":"2"}}]}`)
	f("**._id", `{"items":[{"create":{"_id":"1"}},{"create":{"_id":"2"}}]}`)
	f("items.*.st*us,-items.index", `{"items":[{"create":{"status":409}},{"create":{"status":400}}]}`)
	f("-items,-took", `{"errors":true}`)
}

func FuzzBulk(f *testing.F) {
	f.Add([]byte(`{"create":{"_index":"web","_id":"1"}}`+"\n"+`{"a":1}`+"\n"), "errors,items.*.status")
	f.Add([]byte(`{"index":null}`+"\r\n"+`[1]`), "**.x,-took")
	f.Add([]byte(`{"delete":{}}`+"\n"+`{"update":{"_id":5}}`+"\n\n"), "")
	f.Fuzz(func(t *testing.T, data []byte, filter string) {
		r := bulkRequest{index: "web", max: 1000, reserve: func(int) error { return nil }}
		if r.parse(data) != nil {
			return
		}
		if len(r.items) == 0 {
			t.Fatal("a request without items was taken")
		}
		for i := range r.items {
			it := &r.items[i]
			if it.status == 0 {
				if !json.Valid(it.document) {
					t.Fatalf("document %q was taken", it.document)
				}
				it.settle(nil)
			}
		}
		if out := r.answer(parseFilter(filter), 0); !json.Valid(out) {
			t.Fatalf("answer is not JSON: %s", out)
		}
	})
}

func BenchmarkBulk(b *testing.B) {
	s := openSink(b, discardLog{newMemoryLog()}, Config{})
	h, err := NewHTTP(s, HTTPConfig{}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	const documents = 1000
	doc := `{"@timestamp":"2026-11-21T12:00:00Z","message":"GET /shop/cart?item=42 200","source":{"ip":"203.0.113.7"},"http":{"response":{"status_code":200}},"user_agent":{"original":"Mozilla/5.0 (X11; Linux x86_64)"}}`
	body := strings.Repeat(`{"create":{"_index":"web"}}`+"\n"+doc+"\n", documents)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for n := 0; n < b.N; n += documents {
		r := httptest.NewRequest(http.MethodPost, "/_bulk", strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:4242"
		r.Header.Set("Content-Type", ndjson)
		rec := httptest.NewRecorder()
		if h.ServeHTTP(rec, r); rec.Code != http.StatusOK {
			b.Fatal(rec.Body)
		}
	}
}

// discardLog is a Log that forgets what it is given.
type discardLog struct{ *memoryLog }

func (discardLog) Append(context.Context, []queue.Group) (queue.Offset, error) { return 1, nil }
