package console

import (
	"errors"
	"math"
	"net/http"

	"github.com/gatewatch/gatewatch/services/access"
)

// showSignIn is GET /signin. Who is signed in goes on.
func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	_, _, err := c.sessionOf(r)
	switch {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	case !errors.Is(err, access.ErrSession):
		c.fail(w, r, err)
		return
	}
	v := view{Title: "signin", Next: next}
	if next != "/" {
		v.Text = "signin.next"
	}
	empty, err := c.people.Empty(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if empty {
		c.pages.write(w, r, http.StatusOK, "message", view{Title: "empty", Text: "empty.text"})
		return
	}
	c.signInPage(w, r, http.StatusOK, v)
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request, code int, v view) {
	v.Title, v.Form = "signin", access.FormToken(formID(w, r))
	c.pages.write(w, r, code, "signin", v)
}

// signIn is POST /signin.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	if err := readForm(w, r); err != nil {
		c.pages.write(w, r, http.StatusBadRequest, "message", view{Title: "badform", Text: "badform.text"})
		return
	}
	v := view{Name: r.PostFormValue("name"), Next: localPath(r.PostFormValue("next"))}
	if checkForm(r) != nil {
		v.Problem = "form"
		c.signInPage(w, r, http.StatusForbidden, v)
		return
	}
	id, err := c.people.SignIn(r.Context(), v.Name, r.PostFormValue("password"), peerOf(r), r.UserAgent())
	if err != nil {
		code, known := c.problemOf(r, err, &v)
		if !known {
			c.fail(w, r, err)
			return
		}
		c.signInPage(w, r, code, v)
		return
	}
	c.enter(w, r, id, v.Next)
}

// enter gives a browser a session, and ends the one it had: an id that somebody
// else has set is worth nothing.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, id, next string) {
	name := access.SessionCookie(r.TLS != nil)
	if old, err := r.Cookie(name); err == nil {
		if err := c.people.SignOut(r.Context(), old.Value); err != nil {
			c.log.Warn("session before this one goes on", "error", err)
		}
	}
	setSession(w, r, name, id)
	setSession(w, r, formCookieName(r), "")
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// problemOf says in words of people why a password was not taken.
func (c *Console) problemOf(_ *http.Request, err error, v *view) (code int, known bool) {
	var wait *access.WaitError
	switch {
	case errors.As(err, &wait):
		v.Problem, v.Wait = "wait", int(math.Ceil(wait.Wait.Seconds()))
		return http.StatusTooManyRequests, true
	case errors.Is(err, access.ErrHashing):
		v.Problem, v.Wait = "busy", 5
		return http.StatusServiceUnavailable, true
	case errors.Is(err, access.ErrSignIn):
		v.Problem = "wrong"
		return http.StatusUnauthorized, true
	case errors.Is(err, access.ErrPassword):
		for known, key := range map[error]string{
			access.ErrPasswordShort: "short", access.ErrPasswordLong: "long", access.ErrPasswordText: "odd",
			access.ErrPasswordCommon: "common", access.ErrPasswordName: "named",
		} {
			if errors.Is(err, known) && err.Error() == known.Error() {
				v.Problem = key
			}
		}
		return http.StatusUnprocessableEntity, true
	case errors.Is(err, access.ErrAccount):
		v.Problem = "name"
		return http.StatusUnprocessableEntity, true
	}
	return 0, false
}

// signOut is POST /signout. It takes the csrf of the session as a field of a form
// or as a header.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	_, id, err := c.sessionOf(r)
	if errors.Is(err, access.ErrSession) {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	token := r.Header.Get("X-CSRF-Token")
	if token == "" && readForm(w, r) == nil {
		token = r.PostFormValue("csrf")
	}
	if !access.CheckCSRF(id, token) {
		c.pages.write(w, r, http.StatusForbidden, "message", view{Title: "badform", Text: "badform.text"})
		return
	}
	if err := c.people.SignOut(r.Context(), id); err != nil {
		c.fail(w, r, err)
		return
	}
	setSession(w, r, access.SessionCookie(r.TLS != nil), "")
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}
