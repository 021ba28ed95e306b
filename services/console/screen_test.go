package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
)

// TestScreenOfKiosk opens a screen and its map with a token, which leaves the address
// line, and without.
func TestScreenOfKiosk(t *testing.T) {
	r := newRig(t, bundle)
	_, token, err := r.tokens.Create(access.Grant{Kind: access.KindKiosk, Name: "lobby", Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	b := r.browser()
	if a := b.get("/screen/map.json"); a.code != http.StatusUnauthorized {
		t.Errorf("map without a session: %d", a.code)
	}
	if a := b.get("/screen/attacks"); a.code != http.StatusSeeOther || !strings.HasPrefix(a.location, "/signin") {
		t.Errorf("screen without a session: %d %s", a.code, a.location)
	}
	if a := b.get("/screen/attacks?lang=en&k=" + token); a.code != http.StatusSeeOther || a.location != "/screen/attacks?lang=en" {
		t.Errorf("token: %d %s", a.code, a.location)
	}
	// The jar has another clock than the rig, for which the session is over.
	s, _, err := r.people.SignInKiosk(t.Context(), token, nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	cookie := access.KioskCookie(false) + "=" + s
	a := b.get("/screen/attacks", "Cookie", cookie)
	if want := `<div id="screen" data-layout="{&#34;title&#34;:&#34;\&#34;\u003e\u003cb\u003e&#34;`; a.code != http.StatusOK || !strings.Contains(a.body, want) {
		t.Errorf("screen: %d %s, want %s", a.code, a.body, want)
	}
	if a := b.get("/screen/map.json", "Cookie", cookie); a.code != http.StatusOK || !strings.Contains(a.body, "FeatureCollection") || a.header.Get("Content-Type") != "application/geo+json" {
		t.Errorf("map: %d %s %v", a.code, a.body, a.header)
	}
}
