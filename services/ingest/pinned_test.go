package ingest

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/queue"
)

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a pool held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSmallRecordsOfLargeRequests sends requests of which next to nothing is
// stored. Their bytes must not stay in memory because of it.
func TestSmallRecordsOfLargeRequests(t *testing.T) {
	dir := t.TempDir()
	disk, err := queue.Open(filepath.Join(dir, "queue"), queue.Config{Consumers: []string{Consumer}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	s := openSink(t, disk, Config{})
	h, err := NewHTTP(s, HTTPConfig{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := web{t, nil, s, h}
	peer := listenGRPC(t, s, NodeConfig{}, nil)
	const size, times, allowed = 4 << 20, 6, 9 << 20
	f := func(name string, stored int, send func(i int)) {
		t.Helper()
		_, from := disk.Bounds()
		before := heap()
		for i := range times {
			send(i)
		}
		held := heap() - before
		_, next := disk.Bounds()
		t.Logf("%s: %d KiB held of %d requests of %d KiB", name, held>>10, times, size>>10)
		if held > allowed || int(next-from) != stored {
			t.Errorf("%s: %d bytes are held, want at most %d; %d records are stored, want %d", name, held, allowed, next-from, stored)
		}
	}
	blank := strings.Repeat("\n", size)
	http := func(path, body string) {
		t.Helper()
		if rec := w.do("POST", path, body, "Content-Type", ndjson); rec.Code != 200 {
			t.Errorf("%s is answered with %d: %.300s", path, rec.Code, rec.Body)
		}
	}
	f("raw lines", times, func(int) { http("/raw/json", blank+"hello\n") })
	f("raw line that is cut", times, func(int) { http("/raw/json?framing=none", strings.Repeat("x", size)) })
	f("bulk", times, func(int) { http("/x/_bulk", blank+`{"create":{}}`+"\n{}\n") })
	known := bulkOf("known", size)
	http("/x/_bulk", known)
	f("bulk of duplicates", times, func(i int) { http("/x/_bulk", known+fmt.Sprintf(`{"create":{"_id":"new-%d"}}`, i)+"\n{}\n") })
	f("unary call", 8+times-1, func(i int) {
		req := &gatewatchv1.IngestRequest{Source: "unary"}
		for j := range 8 {
			req.Records = append(req.Records, &gatewatchv1.RawRecord{Id: fmt.Sprint(j), Raw: bytes.Repeat([]byte("x"), size/8)})
		}
		if i > 0 { // the first stores what the others repeat
			req.Records = append(req.Records, &gatewatchv1.RawRecord{Raw: []byte("new")})
		}
		if _, err := peer.ingest.Ingest(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
	node := peer.stream(t)
	node.hello("edge", 1)
	f("node stream", times, func(i int) {
		b := &gatewatchv1.Batch{FirstSequence: uint64(i + 1), Format: "json", Records: [][]byte{[]byte("x")}}
		// A field that we do not know, as a later version may have.
		unknown := append([]byte{0xfa, 0x3f, 0x80, 0x80, 0x80, 0x02}, make([]byte, size)...)
		b.ProtoReflect().SetUnknown(unknown)
		node.send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: b}})
		node.acked(uint64(i + 1))
	})
}

// bulkOf makes a bulk request of about that many bytes.
func bulkOf(id string, size int) string {
	var b strings.Builder
	text := strings.Repeat("x", 64<<10)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `{"create":{"_id":"%s-%d"}}`+"\n"+`{"message":%q}`+"\n", id, i, text)
	}
	return b.String()
}
