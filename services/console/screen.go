package console

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gatewatch/gatewatch/services/access"
)

// screen is GET /screen/NAME: a screen for a wall. It is opened with a session, or
// with ?k= and a kiosk token, which becomes a session of its own and leaves the
// address line.
func (c *Console) screen(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("k"); token != "" {
		c.signInKiosk(w, r, token)
		return
	}
	s, err := c.viewerOf(r)
	switch {
	case errors.Is(err, access.ErrSession):
		c.toSignIn(w, r)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.document(w, r, "screen", s.Identity)
	}
}

// screenMap is GET /screen/map.json: the approved map that the screens show.
func (c *Console) screenMap(w http.ResponseWriter, r *http.Request) {
	_, err := c.viewerOf(r)
	switch {
	case errors.Is(err, access.ErrSession):
		http.Error(w, "a screen shows its map with a session or a kiosk token", http.StatusUnauthorized)
	case err != nil:
		c.log.Error("map of the screens failed", "error", err)
		http.Error(w, "the map cannot be read at this moment", http.StatusInternalServerError)
	case c.chart == nil:
		http.Error(w, "screens.map names no map", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/geo+json")
		w.Header().Set("Content-Length", strconv.Itoa(len(c.chart)))
		w.Write(c.chart)
	}
}

// viewerOf returns the session of a person or of a kiosk; ErrSession if there is none.
func (c *Console) viewerOf(r *http.Request) (access.Session, error) {
	s, _, err := c.sessionOf(r)
	if errors.Is(err, access.ErrSession) {
		return c.kioskOf(r)
	}
	return s, err
}

func (c *Console) kioskOf(r *http.Request) (access.Session, error) {
	cookie, err := r.Cookie(access.KioskCookie(r.TLS != nil))
	if err != nil {
		return access.Session{}, access.ErrSession
	}
	return c.people.Session(r.Context(), cookie.Value)
}

func (c *Console) signInKiosk(w http.ResponseWriter, r *http.Request, token string) {
	id, until, err := c.people.SignInKiosk(r.Context(), token, peerOf(r), r.UserAgent())
	switch {
	case errors.Is(err, access.ErrToken), errors.Is(err, access.ErrExpired), errors.Is(err, access.ErrForbidden):
		c.pages.write(w, r, http.StatusForbidden, "message", view{Title: "kiosk", Text: "kiosk.text"})
		return
	case err != nil:
		c.fail(w, r, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: access.KioskCookie(r.TLS != nil), Value: id, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteStrictMode, Expires: until,
	})
	rest := r.URL.Query()
	rest.Del("k")
	target := *r.URL
	target.RawQuery = rest.Encode()
	http.Redirect(w, r, target.RequestURI(), http.StatusSeeOther)
}
