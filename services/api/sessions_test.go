package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/access"
)

// TestSessionOverREST shows that a cookie reads, and changes nothing without the
// token of its session.
func TestSessionOverREST(t *testing.T) {
	s := newServer(t, Config{}, true)
	const password = "brief lentil orbit"
	if _, err := s.people.Add(t.Context(), "ann", access.Analyst, "test"); err != nil {
		t.Fatal(err)
	}
	if err := s.people.SetPassword(t.Context(), "ann", password, "test"); err != nil {
		t.Fatal(err)
	}
	id, err := s.people.SignIn(t.Context(), "ann", password, nil, "browser")
	if err != nil {
		t.Fatal(err)
	}
	cookie := access.SessionCookie(false) + "=" + id
	var session struct {
		User struct{ Name, Role string }
		CSRF string
	}
	if err := json.Unmarshal([]byte(text(s.do(http.MethodGet, "/api/v1/session", "", "", "Cookie", cookie))), &session); err != nil {
		t.Fatal(err)
	}
	if session.User.Name != "ann" || session.User.Role != "analyst" || session.CSRF == "" || strings.Contains(session.CSRF, id) {
		t.Errorf("session is %+v", session)
	}
	f := func(verb, path string, code int, headers ...string) {
		t.Helper()
		if resp := s.do(verb, path, "", "{}", headers...); resp.StatusCode != code {
			t.Errorf("%s %s with %q: %d %s, want %d", verb, path, headers, resp.StatusCode, text(resp), code)
		}
	}
	f(http.MethodPost, "/api/v1/search", http.StatusForbidden, "Cookie", cookie)
	f(http.MethodPost, "/api/v1/search", http.StatusForbidden, "Cookie", cookie, "X-CSRF-Token", strings.Repeat("0", 64))
	f(http.MethodPost, "/api/v1/search", http.StatusOK, "Cookie", cookie, "X-CSRF-Token", session.CSRF)
	f(http.MethodPost, "/api/v1/search", http.StatusForbidden, "Cookie", cookie, "X-CSRF-Token", session.CSRF, "Origin", "https://evil.example")
	f(http.MethodPost, "/api/v1/search", http.StatusUnauthorized, "X-CSRF-Token", session.CSRF)
	f(http.MethodDelete, "/api/v1/sessions/x", http.StatusForbidden, "Cookie", cookie)
	f(http.MethodGet, "/api/v1/tokens", http.StatusForbidden, "Cookie", cookie)
	f(http.MethodGet, "/api/v1/rules", http.StatusOK, "Cookie", cookie)
	f(http.MethodGet, "/api/v1/rules", http.StatusUnauthorized, "Cookie", access.SessionCookie(true)+"="+id)
	if err := s.people.SignOut(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	f(http.MethodGet, "/api/v1/session", http.StatusUnauthorized, "Cookie", cookie)
}

// TestUnaskedOverREST shows that a page which refreshes itself is told from one that
// somebody uses.
func TestUnaskedOverREST(t *testing.T) {
	f := func(headers http.Header, want bool) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/api/v1/rules", http.NoBody)
		r.Header = headers
		if c := callerOf(withSession(t.Context(), r)); c.Session != "id" || c.Unasked != want {
			t.Errorf("%v: %+v", headers, c)
		}
	}
	cookie := []string{access.SessionCookie(false) + "=id"}
	f(http.Header{"Cookie": cookie}, false)
	f(http.Header{"Cookie": cookie, "X-Gatewatch-Unasked": {"1"}}, true)
}
