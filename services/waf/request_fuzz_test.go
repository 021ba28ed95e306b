package waf

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// FuzzRequest serves any request that the HTTP parser takes. None may panic,
// and each gives one event that the parser of the server can read.
func FuzzRequest(f *testing.F) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	f.Cleanup(upstream.Close)
	c := testConfig(f, upstream.URL)
	c.Spool.Dir = f.TempDir()
	n, err := NewNode(c, Options{Log: quiet})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := n.Close(); err != nil {
			f.Error(err)
		}
	})
	format, _ := parse.Lookup(Format)
	f.Add([]byte("GET /a?b=%zz;c HTTP/1.1\r\nHost: a\r\nCookie: a=b; c\r\n\r\n"))
	f.Add([]byte("POST http://x/y HTTP/1.1\r\nHost: a:b:c\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":\xff}"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n--x\r\n0\r\n\r\n"))
	f.Add([]byte("OPTIONS * HTTP/1.0\r\nForwarded: for=\"\r\nX-Forwarded-For: ,,\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil || r.Method == http.MethodConnect || strings.Contains(r.Header.Get("Connection"), "pgrade") {
			return
		}
		r.RemoteAddr = "192.0.2.1:1234"
		events := 0
		n.sink = func(record []byte) {
			events++
			var e event.Event
			if !json.Valid(record) {
				t.Fatalf("event is not JSON: %s", record)
			}
			if err := format.Read(record, &parse.Context{Received: 1}, &e); err != nil {
				t.Fatalf("event %s: %v", record, err)
			}
		}
		defer func() {
			p := recover()
			if err, ok := p.(error); p != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
				panic(p)
			}
			if events != 1 {
				t.Fatalf("%d events", events)
			}
		}()
		n.ServeHTTP(httptest.NewRecorder(), r)
	})
}
