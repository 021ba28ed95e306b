package console

import (
	"errors"
	"net/http"

	"github.com/gatewatch/gatewatch/services/access"
)

// showAccount is GET /account: the password, and the browsers that are signed in.
func (c *Console) showAccount(w http.ResponseWriter, r *http.Request) {
	s, _, err := c.sessionOf(r)
	switch {
	case errors.Is(err, access.ErrSession):
		c.toSignIn(w, r)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.accountPage(w, r, http.StatusOK, s, view{})
	}
}

func (c *Console) accountPage(w http.ResponseWriter, r *http.Request, code int, s access.Session, v view) {
	var err error
	if v.Sessions, err = c.people.Sessions(r.Context(), s.Identity.Name); err != nil {
		c.fail(w, r, err)
		return
	}
	v.Title, v.Name, v.Role, v.Form, v.Current = "account", s.Identity.Name, s.Identity.Role, s.CSRF, s.ID
	c.pages.write(w, r, code, "account", v)
}

// account is POST /account: it changes the password, or ends another session.
func (c *Console) account(w http.ResponseWriter, r *http.Request) {
	s, id, err := c.sessionOf(r)
	switch {
	case errors.Is(err, access.ErrSession):
		http.Redirect(w, r, "/signin?"+query("next", "/account"), http.StatusSeeOther)
		return
	case err != nil:
		c.fail(w, r, err)
		return
	case readForm(w, r) != nil:
		c.pages.write(w, r, http.StatusBadRequest, "message", view{Title: "badform", Text: "badform.text"})
		return
	case !access.CheckCSRF(id, r.PostFormValue("csrf")):
		c.accountPage(w, r, http.StatusForbidden, s, view{Problem: "form"})
		return
	}
	if session := r.PostFormValue("end"); session != "" {
		err := c.people.EndSession(r.Context(), session, s.Identity.Name, s.Identity.String())
		if err != nil && !errors.Is(err, access.ErrNotFound) {
			c.fail(w, r, err)
			return
		}
		http.Redirect(w, r, "/account", http.StatusSeeOther)
		return
	}
	c.changePassword(w, r, s)
}

// changePassword signs the account out everywhere and this browser in again.
func (c *Console) changePassword(w http.ResponseWriter, r *http.Request, s access.Session) {
	next := r.PostFormValue("password")
	if next != r.PostFormValue("again") {
		c.accountPage(w, r, http.StatusUnprocessableEntity, s, view{Problem: "differ"})
		return
	}
	name := s.Identity.Name
	err := c.people.ChangePassword(r.Context(), name, r.PostFormValue("present"), next, peerOf(r))
	var id string
	if err == nil {
		id, err = c.people.SignIn(r.Context(), name, next, peerOf(r), r.UserAgent())
	}
	if err != nil {
		var v view
		code, known := c.problemOf(r, err, &v)
		if !known {
			c.fail(w, r, err)
			return
		}
		c.accountPage(w, r, code, s, v)
		return
	}
	setSession(w, r, access.SessionCookie(r.TLS != nil), id)
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}
