package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

func (s *server) openRing() *vault.Ring {
	s.Helper()
	master, err := vault.EnsureMaster(filepath.Join(s.TempDir(), "master.key"))
	if err != nil {
		s.Fatal(err)
	}
	ring, err := vault.Open(filepath.Join(s.TempDir(), "keys.json"), master)
	if err != nil {
		s.Fatal(err)
	}
	return ring
}

// keep seals and stores copies, one a second, the last the newest.
func (s *server) keep(copies ...kept.Copy) {
	s.Helper()
	sealer, err := kept.NewSealer(func() (*vault.Ring, error) { return s.ring, nil }, func() time.Time { return started })
	if err != nil {
		s.Fatal(err)
	}
	events := make([]event.Event, len(copies))
	for i, c := range copies {
		c.Time = started.Add(time.Duration(i-len(copies)) * time.Second)
		raw, err := c.Record()
		if err != nil {
			s.Fatal(err)
		}
		if raw, err = sealer.Seal("waf-1", raw); err != nil {
			s.Fatal(err)
		}
		if err := kept.Parse(raw, &events[i]); err != nil {
			s.Fatal(err)
		}
		events[i].ID, events[i].Source = fmt.Sprintf("copy-%06d", i), "waf-1"
	}
	if err := s.kept.Write(s.Context(), store.Batch{Events: events}); err != nil {
		s.Fatal(err)
	}
}

// attack is a copy of a request whose every part is hostile.
func attack(id string, body []byte) kept.Copy {
	return kept.Copy{
		ID: id, Block: true, Score: 5, Rules: []int{942100}, Ruleset: "crs/4", Why: kept.Blocked, Probability: 1, Faithful: true,
		BodyBytes: int64(len(body)), Model: "m1", PAttack: .75, Kind: verdict.KindPattern,
		Request: verdict.Request{
			ID: id, Site: "shop", Method: "POST", URI: "/a?b=<script>&c=\x1b[2J", Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"X-\xff", "\"\u202e"}}, Body: body,
		},
	}
}

// read asks for a path and wants the code; the answer is read into out.
func (s *server) read(role, path string, code int, out any) {
	s.Helper()
	resp := s.do(http.MethodGet, path, s.bearer[role], "")
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != code {
		s.Fatalf("%s by %s: %d, want %d: %v", path, role, resp.StatusCode, code, err)
	}
}

// requestAnswer is what the tests read of answers.
type requestAnswer struct {
	Requests []struct {
		ID      string          `json:"id"`
		Request json.RawMessage `json:"request"`
	} `json:"requests"`
	Request struct {
		Node     string          `json:"node"`
		Faithful bool            `json:"replay_faithful"`
		PAttack  float64         `json:"p_attack"`
		Request  json.RawMessage `json:"request"`
	} `json:"request"`
	Next       string `json:"next_page_token"`
	Unreadable int    `json:"unreadable"`
	Detail     string `json:"detail"`
}

// lastLeaf returns the leaf of the last read.
func (s *server) lastLeaf(reads int) audit.Leaf {
	s.Helper()
	if len(s.leaves) != reads {
		s.Fatalf("%d leaves, want %d", len(s.leaves), reads)
	}
	l := s.leaves[reads-1]
	if l.Act != audit.ActRequests || len(l.Hash) != 64 {
		s.Errorf("leaf %+v", l)
	}
	return l
}

func TestRequestAsItWasKept(t *testing.T) {
	s := newServer(t, Config{}, true)
	want := attack("a/b ü", []byte("q=\xff\x00"))
	s.keep(attack("other", nil), want)
	path := "/api/v1/requests/" + url.PathEscape(want.ID)

	var refused requestAnswer
	s.read("analyst", path, http.StatusForbidden, &refused)
	if len(s.leaves) != 0 || !strings.Contains(refused.Detail, "examiner") || refused.Request.Request != nil {
		t.Errorf("%+v, leaves %v", refused, s.leaves)
	}
	var got requestAnswer
	s.read("examiner", path+"?node=waf-1", http.StatusOK, &got)
	want.Request.Headers[1][0] = "X-\ufffd"
	var request verdict.Request
	if err := verdict.ReadRequest(got.Request.Request, &request); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Request, request); d != "" || !got.Request.Faithful || got.Request.PAttack != .75 || got.Request.Node != "waf-1" {
		t.Errorf("%+v\n%s", got.Request, d)
	}
	if l := s.lastLeaf(1); l.Object != want.ID || l.Actor != `examiner "examiner"` || l.Detail["requests"] != `[["waf-1","a/b ü"]]` {
		t.Errorf("leaf %+v", l)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.bearer["examiner"])
	rpc, err := gatewatchv1.NewRequestServiceClient(s.dial()).GetRequest(ctx, &gatewatchv1.GetRequestRequest{Id: want.ID})
	if err != nil || !bytes.Equal(rpc.GetRequest().GetRequest().GetBody(), want.Request.Body) {
		t.Errorf("%v, %v", rpc, err)
	}
	s.lastLeaf(2)
	for _, missing := range []string{"/api/v1/requests/none", path + "?node=none", "/api/v1/requests/OTHER"} {
		s.read("examiner", missing, http.StatusNotFound, &refused)
	}
	s.read("examiner", "/api/v1/requests/", http.StatusBadRequest, &refused)
	s.lastLeaf(2)
}

// TestNoRequestWithoutALeaf shows that nothing is given away that the audit log
// does not tell of.
func TestNoRequestWithoutALeaf(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.keep(attack("one", []byte("very secret")))
	s.audit = errors.New("disk is gone")
	for _, path := range []string{"/api/v1/requests/one", "/api/v1/requests", "/api/v1/requests?content=true"} {
		resp := s.do(http.MethodGet, path, s.bearer["administrator"], "")
		if got := text(resp); resp.StatusCode != http.StatusInternalServerError || strings.Contains(got, "secret") || strings.Contains(got, "one") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, got)
		}
	}
}

func TestListsOfRequests(t *testing.T) {
	s := newServer(t, Config{}, true)
	var all []kept.Copy
	for i := range 250 {
		all = append(all, attack(fmt.Sprintf("r%03d", i), bytes.Repeat([]byte{'a'}, 64<<10)))
	}
	s.keep(all...)
	f := func(query string, pages, want int, content bool) {
		t.Helper()
		s.leaves = nil
		seen := map[string]bool{}
		n, told := 0, 0
		for token := ""; ; {
			var page requestAnswer
			s.read("examiner", "/api/v1/requests?"+query+"&page_token="+token, http.StatusOK, &page)
			l := s.lastLeaf(n + 1)
			var names [][2]string
			if err := json.Unmarshal([]byte(l.Detail["requests"]), &names); err != nil {
				t.Fatal(err)
			}
			told += len(names)
			for _, r := range page.Requests {
				seen[r.ID] = true
				if (r.Request != nil) != content {
					t.Fatalf("%s: content of %s: %.50s", query, r.ID, r.Request)
				}
			}
			if n++; page.Next == "" {
				break
			}
			token = page.Next
		}
		if n != pages || len(seen) != want || told != want {
			t.Errorf("%s: %d pages with %d requests, leaves tell of %d; want %d with %d", query, n, len(seen), told, pages, want)
		}
	}
	f("page_size=10000", 3, 250, false)
	f("page_size=100&content=true", 6, 250, true) // of 3 MiB
	f("filter=http.request.id:+r1*&page_size=7&content=true", 15, 100, true)
	f("filter=waf.site:+none", 1, 0, false)
	f("from=now-10s&to=now-4s&filter=%40timestamp+%3E%3D+now-8s&page_size=1", 4, 4, false)
	var refused requestAnswer
	for _, bad := range []string{"filter=*+|+limit+1", "filter=a:+b)+or+(c:+d", "page_size=-1", "page_token=x", "from=tomorrow", "x=1", "filter=" + strings.Repeat("a", maxRequestFilter+1)} {
		s.read("examiner", "/api/v1/requests?"+bad, http.StatusBadRequest, &refused)
	}
	s.ring = nil
	var gone requestAnswer
	s.read("examiner", "/api/v1/requests?page_size=5", http.StatusOK, &gone)
	if gone.Unreadable != 5 || len(gone.Requests) != 0 || gone.Next == "" {
		t.Errorf("without keys: %+v", gone)
	}
}

// TestLeafOfManyLongNames shows that the ids of clients do not make a leaf too
// large for the audit log.
func TestLeafOfManyLongNames(t *testing.T) {
	s := newServer(t, Config{}, true)
	var all []kept.Copy
	for i := range 100 {
		all = append(all, attack(fmt.Sprintf("%03d%s", i, strings.Repeat("\x01", 200)), nil))
	}
	s.keep(all...)
	var page requestAnswer
	s.read("examiner", "/api/v1/requests", http.StatusOK, &page)
	l := s.lastLeaf(1)
	log, err := audit.Open(t.TempDir(), func() time.Time { return started })
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), l)
	if err := errors.Join(err, log.Close()); err != nil || l.Detail["n"] != "100" || len(page.Requests) != 100 {
		t.Errorf("n %s of %d: %v", l.Detail["n"], len(page.Requests), err)
	}
}
