package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/store"
)

// as returns a context that calls with the token of a role or kind.
func (s *server) as(who string) context.Context {
	return metadata.AppendToOutgoingContext(s.Context(), "authorization", "Bearer "+s.bearer[who])
}

func TestPagesOverREST(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fill(25)
	var ids []string
	for token := ""; ; {
		body := fmt.Sprintf(`{"query":"url.path: *","from":"now-1h","page_size":10,"page_token":%q}`, token)
		resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], body)
		var page struct {
			Events []map[string]any `json:"events"`
			Next   string           `json:"next_page_token"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", resp.StatusCode, err)
		}
		for _, e := range page.Events {
			ids = append(ids, e["event.id"].(string))
		}
		if token = page.Next; token == "" {
			break
		}
	}
	checkIDs(t, ids, 25)
}

// checkIDs tells whether all events came once, newest first.
func checkIDs(t *testing.T, ids []string, n int) {
	t.Helper()
	var want []string
	for i := n - 1; i >= 0; i-- {
		want = append(want, fmt.Sprint("id-", i))
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
}

// TestPagesAreBoundedInBytes shows that events too large for one page come in
// several, each once.
func TestPagesAreBoundedInBytes(t *testing.T) {
	s := newServer(t, Config{}, true)
	const n = 12
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{ID: fmt.Sprint("id-", i), Source: "big", Time: started.Add(time.Duration(i) * time.Second).UnixNano(), Raw: bytes.Repeat([]byte("a"), 1<<20-100)}
	}
	events[5].Raw = bytes.Repeat([]byte("b"), maxPageBytes-1000) // alone on its page
	if err := s.store.Write(t.Context(), store.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	client := gatewatchv1.NewSearchServiceClient(s.dial())
	var ids []string
	req := &gatewatchv1.SearchRequest{}
	for pages := 0; ; pages++ {
		resp, err := client.Search(s.as("viewer"), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.GetEvents() {
			for _, f := range e.GetFields() {
				if f.GetName() == "event.id" {
					ids = append(ids, f.GetValue().GetStringValue())
				}
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			if pages < n/3 {
				t.Errorf("%d pages for %d events of 1 MiB", pages+1, n)
			}
			break
		}
	}
	checkIDs(t, ids, n)
}

func TestQueryErrorsNameTheColumn(t *testing.T) {
	s := newServer(t, Config{}, true)
	_, err := gatewatchv1.NewSearchServiceClient(s.dial()).Search(s.as("viewer"), &gatewatchv1.SearchRequest{Query: "a: ("})
	st := status.Convert(err)
	if st.Code() != codes.InvalidArgument || len(st.Details()) != 2 {
		t.Fatalf("%v", err)
	}
	info, _ := st.Details()[0].(*errdetails.ErrorInfo)
	if info.GetMetadata()["column"] != "5" {
		t.Errorf("details are %v", st.Details())
	}
}

// TestEventsAreTheSameOverBoth compares the JSON that REST writes of events with
// that of the messages of gRPC.
func TestEventsAreTheSameOverBoth(t *testing.T) {
	var e event.Event
	e.ID, e.Source, e.Dataset, e.Time = "1", "s", "d", started.UnixNano()+123
	decorate(&e)
	if got, want := string(appendProtoEvent(nil, newProtoEvent(&e))), string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i := range 200 { // more names than are compared one by one
		e.AddInt(event.Intern("n."+strconv.Itoa(i%100)), int64(i))
	}
	if got, want := string(appendProtoEvent(nil, newProtoEvent(&e))), string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProtoEventSharesNoMemory(t *testing.T) {
	raw := []byte("abc")
	e := event.Event{ID: "1", Raw: raw}
	e.Add(event.Message, event.String(event.View(raw)))
	p := newProtoEvent(&e)
	before := string(appendProtoEvent(nil, p))
	copy(raw, "xyz")
	if after := string(appendProtoEvent(nil, p)); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestTailOverGRPC(t *testing.T) {
	s := newServer(t, Config{MaxTails: 1}, true)
	client := gatewatchv1.NewSearchServiceClient(s.dial())
	ctx, cancel := context.WithCancel(s.as("viewer"))
	stream, err := client.Tail(ctx, &gatewatchv1.TailRequest{Query: "url.path: /a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	second, err := client.Tail(s.as("viewer"), &gatewatchv1.TailRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("second tail: %v", err)
	}
	got := make(chan *gatewatchv1.TailResponse)
	go func() {
		defer close(got)
		if m, err := stream.Recv(); err == nil {
			got <- m
		}
	}()
	m := s.feed(got)
	if len(m.GetEvent().GetFields()) == 0 {
		t.Errorf("got %v", m)
	}
	cancel()
}

// feed stores one event, which every tail has to get whose header was seen.
func (s *server) feed(got <-chan *gatewatchv1.TailResponse) *gatewatchv1.TailResponse {
	s.Helper()
	s.fill(1)
	select {
	case m := <-got:
		return m
	case <-time.After(time.Minute):
		s.Fatal("nothing came")
		return nil
	}
}

func TestTailOverREST(t *testing.T) {
	f := func(accept, kind, prefix string) {
		t.Helper()
		s := newServer(t, Config{}, true)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http+"/api/v1/tail", strings.NewReader(`{"query":"url.path: /a"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.bearer["viewer"])
		req.Header.Set("Accept", accept)
		resp, err := http.DefaultTransport.RoundTrip(req) // returns at the first heartbeat
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); got != kind {
			t.Errorf("type is %s, want %s", got, kind)
		}
		lines := make(chan *gatewatchv1.TailResponse)
		go func() {
			defer close(lines)
			for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
				data, ok := strings.CutPrefix(scan.Text(), prefix)
				if !ok || data == "" {
					continue
				}
				var line struct {
					Event map[string]any `json:"event"`
				}
				if err := json.Unmarshal([]byte(data), &line); err != nil || line.Event["url.path"] != "/a" {
					t.Errorf("line is %q, %v", data, err)
				}
				lines <- &gatewatchv1.TailResponse{}
				return
			}
		}()
		if s.feed(lines) == nil {
			t.Error("the stream ended")
		}
	}
	f("", "application/x-ndjson", "")
	f("text/html, text/event-stream;q=0.9", "text/event-stream", "data: ")
}

// TestRevokedTokenEndsStreams shows that a long call ends with the right to it.
func TestRevokedTokenEndsStreams(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		logger := slog.New(slog.DiscardHandler)
		tokens, err := access.OpenTokens(dir, time.Now, logger)
		if err != nil {
			t.Fatal(err)
		}
		token, bearer, err := tokens.Create(access.Grant{Kind: access.KindRole, Role: access.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		a, err := New(Config{}, Parts{Tokens: tokens, Log: logger, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		g := a.guard(access.NewGate(tokens, access.NewFailures(time.Now), true, logger))
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+bearer))
		ended := make(chan error, 1)
		go func() {
			ended <- g.stream(nil, &httpStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: methodTail}, func(_ any, ss grpc.ServerStream) error {
				<-ss.Context().Done()
				return ss.Context().Err()
			})
		}()
		time.Sleep(10 * recheckEvery)
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("ended with a valid token: %v", err)
		default:
		}
		if err := tokens.Revoke(token.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		revoked := time.Now()
		if err := <-ended; status.Code(err) != codes.Unauthenticated {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(revoked); took > recheckEvery {
			t.Errorf("took %s", took)
		}
	})
}

func TestSearchesTakeTurns(t *testing.T) {
	a, err := New(Config{MaxSearches: 1}, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	release, err := turn(t.Context(), a.searches)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turn(ctx, a.searches); !errors.Is(err, errBusy) {
		t.Errorf("second: %v", err)
	}
	release()
	if _, err := turn(t.Context(), a.searches); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

func TestHugeMessagesAreRefused(t *testing.T) {
	s := newServer(t, Config{MaxRequestBytes: 1 << 20}, true)
	_, err := gatewatchv1.NewIngestServiceClient(s.dial()).Ingest(t.Context(), &gatewatchv1.IngestRequest{Header: strings.Repeat("a", 2<<20)})
	if status.Code(err) != codes.ResourceExhausted || len(s.ingest.got) != 0 {
		t.Errorf("2 MiB with a limit of 1 MiB: %v", err)
	}
}

// BenchmarkRESTSearch reads pages of 10,000 events as the handler writes them.
func BenchmarkRESTSearch(b *testing.B) {
	var events [256]event.Event
	for i := range events {
		e := &events[i]
		e.ID, e.Source, e.Dataset, e.Time = fmt.Sprint(i), "edge-1", "nginx.access", started.UnixNano()
		e.Raw = []byte(`203.0.113.7 - - [31/Jan/2026:12:00:00 +0000] "GET /shop/cart?id=1 HTTP/1.1" 200 5120 "-" "Mozilla/5.0"`)
		for j := range 25 {
			e.AddText(event.Intern("field.number."+strconv.Itoa(j)), "a value of usual length")
		}
		e.AddIP(event.SourceIP, "203.0.113.7")
		e.AddInt(event.HTTPResponseStatusCode, 200)
	}
	b.Run("json", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = buf[:0]
			for i := range maxPage {
				buf = events[i%len(events)].AppendJSON(buf)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("proto", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range maxPage {
				newProtoEvent(&events[i%len(events)])
			}
		}
	})
}

// TestLargePages shows what the size of a page does to its bytes over REST.
func TestLargePages(t *testing.T) {
	s := newServer(t, Config{}, true)
	events := make([]event.Event, 20)
	for i := range events {
		events[i] = event.Event{ID: fmt.Sprint("id-", i), Source: "big", Time: started.Add(time.Duration(i) * time.Second).UnixNano(), Raw: bytes.Repeat([]byte("a"), 1<<19)}
	}
	if err := s.store.Write(t.Context(), store.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	f := func(size, want int, more bool) {
		t.Helper()
		var page struct {
			Events []map[string]any `json:"events"`
			Next   string           `json:"next_page_token"`
		}
		resp := s.do(http.MethodPost, "/api/v1/search", s.bearer["viewer"], fmt.Sprintf(`{"page_size":%d}`, size))
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || len(page.Events) != want || (page.Next != "") != more {
			t.Errorf("page_size %d: %d events, next %q, %v, want %d", size, len(page.Events), page.Next, err, want)
		}
	}
	f(1000, smallPageBytes>>19-1, true)
	f(maxPage, len(events), false)
}
