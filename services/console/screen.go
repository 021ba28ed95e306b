package console

import (
	"errors"
	"net/http"

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
	s, _, err := c.sessionOf(r)
	if errors.Is(err, access.ErrSession) {
		s, err = c.kioskOf(r)
	}
	switch {
	case errors.Is(err, access.ErrSession):
		c.toSignIn(w, r)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.document(w, r, "screen", s.Identity)
	}
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
