package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// emptyRecords is an IngestRequest of n records without anything: two bytes
// each on the wire.
func emptyRecords(n int) []byte { return bytes.Repeat([]byte{0x2a, 0}, n) }

// raw sends bytes as they are.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestEmptyRecordsAreNotDecoded(t *testing.T) {
	var probe gatewatchv1.IngestRequest
	if err := proto.Unmarshal(emptyRecords(3), &probe); err != nil || len(probe.GetRecords()) != 3 {
		t.Fatalf("the attack is not one: %v", err)
	}
	s := newServer(t, Config{}, true)
	conn := s.dial()
	attack := emptyRecords(3_900_000)
	f := func(bearer string, want codes.Code) {
		t.Helper()
		ctx := t.Context()
		if bearer != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+bearer)
		}
		var err error
		used := allocated(func() {
			var answer []byte
			err = conn.Invoke(ctx, gatewatchv1.IngestService_Ingest_FullMethodName, &attack, &answer, grpc.ForceCodec(raw{}))
		})
		if status.Code(err) != want || len(s.ingest.got) != 0 {
			t.Errorf("bearer %q: %v, want %s", bearer, err, want)
		}
		if used > 64<<20 {
			t.Errorf("bearer %q: %d MiB allocated", bearer, used>>20)
		}
	}
	f("gwt_wrong", codes.Unauthenticated)
	f("", codes.InvalidArgument)
	f(s.bearer["source"], codes.InvalidArgument)
	f(s.bearer["viewer"], codes.PermissionDenied)

	body := `{"records":[` + strings.Repeat(`{},`, 2_600_000) + `{}]}`
	var resp *http.Response
	used := allocated(func() { resp = s.do(http.MethodPost, "/api/v1/ingest", "", body) })
	if resp.StatusCode != 400 || used > 96<<20 {
		t.Errorf("rest: %d %s, %d MiB allocated", resp.StatusCode, text(resp), used>>20)
	}
}

func TestCountElements(t *testing.T) {
	f := func(m proto.Message, want int) {
		t.Helper()
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := countElements(b, m.ProtoReflect().Descriptor(), 1000, maxNesting)
		if err != nil || n != want {
			t.Errorf("%v: %d, %v, want %d", m, n, err, want)
		}
	}
	f(&gatewatchv1.IngestRequest{Source: "a", Header: "b"}, 0)
	f(&gatewatchv1.IngestRequest{Records: []*gatewatchv1.RawRecord{{}, {Raw: []byte("x")}}}, 2)
	f(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: &gatewatchv1.Batch{Records: make([][]byte, 7)}}}, 7)
	f(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Hello{Hello: &gatewatchv1.Hello{
		Status: &gatewatchv1.NodeStatus{Sites: []string{"a", "", "b"}},
	}}}, 3)
	for _, bad := range []string{"\x2a", "\x2a\x05a", "\x2c", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, err := countElements([]byte(bad), (&gatewatchv1.IngestRequest{}).ProtoReflect().Descriptor(), 10, maxNesting); err == nil {
			t.Errorf("%q is counted", bad)
		}
	}
}

func TestCountJSON(t *testing.T) {
	f := func(text string, want int) {
		t.Helper()
		if n := countJSON([]byte(text)); n != want {
			t.Errorf("%s: %d, want %d", text, n, want)
		}
	}
	f(``, 0)
	f(`{}`, 1)
	f(`{"records":[{},{},{"raw":"{,{\"{,"}]}`, 4)
	f(`{"a":"unended {,{`, 1)
	f(`[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8]`, 2)
}

// FuzzCountElements compares the count with what is decoded.
func FuzzCountElements(f *testing.F) {
	f.Add(emptyRecords(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m gatewatchv1.IngestRequest
		n, err := countElements(b, m.ProtoReflect().Descriptor(), 1<<20, maxNesting)
		if proto.Unmarshal(b, &m) == nil && (err != nil || n < len(m.GetRecords())) {
			t.Errorf("%x: counted %d, %v; has %d", b, n, err, len(m.GetRecords()))
		}
	})
}

func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(3, 2)
		for i, want := range []bool{true, true, false} {
			if p.try("a") != want {
				t.Errorf("try %d of a: want %v of two places", i, want)
			}
		}
		if !p.try("b") || p.try("c") {
			t.Error("there are not three places")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.enter(ctx, "a"); !errors.Is(err, errBusy) {
				t.Errorf("cancelled: %v", err)
			}
		})
		synctest.Wait()
		entered := false
		wg.Go(func() {
			leave, err := p.enter(t.Context(), "c")
			if err != nil {
				t.Error(err)
				return
			}
			entered = true
			leave()
		})
		synctest.Wait()
		p.leave("b") // the first that waits has its share already
		synctest.Wait()
		if !entered {
			t.Error("c waits behind a")
		}
		cancel()
		wg.Wait()
		p.leave("a")
		p.leave("a")
		if p.taken != 0 || len(p.bySender) != 0 || len(p.waiting) != 0 {
			t.Errorf("left over: %+v", p)
		}
	})
}

// TestSlowMessages shows that calls whose messages don't arrive hold no more
// places than their sender's share.
func TestSlowMessages(t *testing.T) {
	s := newServer(t, Config{}, true)
	conn, err := net.Dial("tcp", s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(20) {
		var block bytes.Buffer
		fields := hpack.NewEncoder(&block)
		for _, h := range [][2]string{
			{":method", "POST"},
			{":scheme", "http"},
			{":path", gatewatchv1.IngestService_Ingest_FullMethodName},
			{":authority", "localhost"},
			{"content-type", "application/grpc"},
			{"te", "trailers"},
		} {
			if err := fields.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
		prefix := binary.BigEndian.AppendUint32([]byte{0}, 8<<20-1)
		if err := framer.WriteData(2*i+1, false, prefix); err != nil {
			t.Fatal(err)
		}
	}
	places := s.api.intake.receiving
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		places.mu.Lock()
		taken, waiting := places.taken, len(places.waiting)
		places.mu.Unlock()
		if taken == maxReceivingEach && waiting == 20-maxReceivingEach {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d receive, %d wait", taken, waiting)
		}
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.bearer["source"])
	if _, err := gatewatchv1.NewIngestServiceClient(s.dial()).Ingest(ctx, &gatewatchv1.IngestRequest{}); err != nil {
		t.Errorf("another sender: %v", err)
	}
}
