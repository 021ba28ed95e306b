package api

import (
	"net/http"
	"testing"

	"github.com/gatewatch/gatewatch/services/access"
)

// TestScreenBesideStaleSession opens a wall screen in a browser that has the cookie
// of a session which is over.
func TestScreenBesideStaleSession(t *testing.T) {
	s := newServer(t, Config{}, true)
	id, _, err := s.people.SignInKiosk(t.Context(), s.bearer["kiosk"], nil, "b")
	if err != nil {
		t.Fatal(err)
	}
	stale := access.SessionCookie(false) + "=" + access.NewFormID()
	screen := access.KioskCookie(false) + "=" + id
	f := func(path, cookies string, want int) {
		t.Helper()
		if resp := s.do(http.MethodGet, path, "", "", "Cookie", cookies); resp.StatusCode != want {
			t.Errorf("%s with %s: %d, want %d", path, cookies, resp.StatusCode, want)
		}
	}
	f("/api/v1/screen", screen, http.StatusOK)
	f("/api/v1/screen", stale+"; "+screen, http.StatusOK)
	f("/api/v1/session", stale+"; "+screen, http.StatusOK)
	f("/api/v1/screen", stale, http.StatusUnauthorized)
}
