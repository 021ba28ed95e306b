package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask makes a call and decodes the answer.
func (s *server) ask(verb, path, bearer, body string, want int, into any) {
	s.Helper()
	resp := s.do(verb, path, bearer, body)
	answer := text(resp)
	if resp.StatusCode != want {
		s.Errorf("%s %s: %d %s, want %d", verb, path, resp.StatusCode, answer, want)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			s.Errorf("%s %s: %v", verb, path, err)
		}
	}
}

type searchJSON struct {
	ID, Name, Query, Owner string
	Mine, Shared           bool
}

func TestSavedSearches(t *testing.T) {
	s := newServer(t, Config{}, true)
	ann, vic, admin := s.bearer["analyst"], s.bearer["viewer"], s.bearer["administrator"]
	names := func(bearer string) string {
		t.Helper()
		var page struct{ Searches []searchJSON }
		s.ask(http.MethodGet, "/api/v1/searches", bearer, "", http.StatusOK, &page)
		var all []string
		for _, x := range page.Searches {
			all = append(all, fmt.Sprint(x.Name, x.Mine))
		}
		return strings.Join(all, " ")
	}
	save := func(bearer, search string, want int) searchJSON {
		t.Helper()
		var saved struct{ Search searchJSON }
		s.ask(http.MethodPost, "/api/v1/searches", bearer, `{"search":`+search+`}`, want, &saved)
		return saved.Search
	}
	own := save(ann, `{"name":"own","query":"url.path: \"<script>\"","from":"now-1h","columns":["url.path"]}`, http.StatusOK)
	shared := save(ann, `{"name":"for all","query":"*","shared":true}`, http.StatusOK)
	save(ann, `{"name":"bad","query":"a and"}`, http.StatusBadRequest)
	save(ann, `{"name":"","query":"*"}`, http.StatusBadRequest)
	if own.ID == "" || own.Owner != "role analyst" || own.Query != `url.path: "<script>"` {
		t.Errorf("saved as %+v", own)
	}
	if got := names(ann); got != "for alltrue owntrue" {
		t.Errorf("the owner sees %s", got)
	}
	if got := names(vic); got != "for allfalse" {
		t.Errorf("others see %s", got)
	}
	save(vic, `{"id":"`+shared.ID+`","name":"mine now","query":"*"}`, http.StatusNotFound)
	s.ask(http.MethodDelete, "/api/v1/searches/"+shared.ID, vic, "", http.StatusNotFound, nil)
	if x := save(ann, `{"id":"`+shared.ID+`","name":"again","query":"*"}`, http.StatusOK); x.ID != shared.ID || x.Shared {
		t.Errorf("changed to %+v", x)
	}
	if got := names(vic); got != "" {
		t.Errorf("others see %s of what is shared no more", got)
	}
	s.ask(http.MethodDelete, "/api/v1/searches/"+own.ID, ann, "", http.StatusOK, nil)
	s.ask(http.MethodDelete, "/api/v1/searches/"+shared.ID, admin, "", http.StatusOK, nil)
	if got := names(ann); got != "" {
		t.Errorf("%s is left", got)
	}
}

func TestPreferences(t *testing.T) {
	s := newServer(t, Config{}, true)
	ann := s.bearer["analyst"]
	f := func(body string, code int, want string) {
		t.Helper()
		s.ask(http.MethodPost, "/api/v1/preferences", ann, body, code, nil)
		if got := text(s.do(http.MethodGet, "/api/v1/preferences", ann, "")); got != `{"preferences":[`+want+`]}` {
			t.Errorf("after %.80s: %s", body, got)
		}
	}
	f(`{"preferences":[{"name":"theme","value":"dark"},{"name":"lang","value":"zh-CN"}]}`, 200, `{"name":"lang","value":"zh-CN"},{"name":"theme","value":"dark"}`)
	f(`{"preferences":[{"name":"theme","value":""}]}`, 200, `{"name":"lang","value":"zh-CN"}`)
	f(`{"preferences":[{"name":"no spaces","value":"x"}]}`, 400, `{"name":"lang","value":"zh-CN"}`)
	f(`{"preferences":[{"name":"x","value":"`+strings.Repeat("a", 8<<10+1)+`"}]}`, 400, `{"name":"lang","value":"zh-CN"}`)
	if got := text(s.do(http.MethodGet, "/api/v1/preferences", s.bearer["viewer"], "")); got != `{"preferences":[]}` {
		t.Errorf("somebody else has %s", got)
	}
}

// TestExportThatFailsIsNotWhole shows that a file which ends early cannot be taken
// for a whole one.
func TestExportThatFailsIsNotWhole(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fill(2000)
	whole := text(s.do(http.MethodPost, "/api/v1/export", s.bearer["viewer"], `{}`))
	if n := strings.Count(whole, "\n"); n != 2000 {
		t.Fatalf("%d lines", n)
	}
	s.store.failAfter = 1500
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http+"/api/v1/export", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.bearer["viewer"])
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a file that ended early looks whole")
	}
}
