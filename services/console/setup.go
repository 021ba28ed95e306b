package console

import (
	"errors"
	"net/http"

	"github.com/gatewatch/gatewatch/services/access"
)

// showSetup is GET /setup/SECRET: a password is chosen, once.
func (c *Console) showSetup(w http.ResponseWriter, r *http.Request) {
	account, err := c.people.Link(r.Context(), r.PathValue("secret"))
	if err != nil {
		c.noLink(w, r, err)
		return
	}
	c.setupPage(w, r, http.StatusOK, view{First: account == "", Name: account})
}

func (c *Console) setupPage(w http.ResponseWriter, r *http.Request, code int, v view) {
	v.Title, v.Text, v.Form = "choose", "choose.text", access.FormToken(formID(w, r))
	if v.First {
		v.Title, v.Text = "first", "first.text"
	}
	c.pages.write(w, r, code, "setup", v)
}

func (c *Console) noLink(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, access.ErrLink) {
		c.fail(w, r, err)
		return
	}
	c.pages.write(w, r, http.StatusGone, "message", view{Title: "link", Text: "link.text"})
}

// setup is POST /setup/SECRET. It signs in who has chosen a password.
func (c *Console) setup(w http.ResponseWriter, r *http.Request) {
	secret := r.PathValue("secret")
	if err := readForm(w, r); err != nil {
		c.pages.write(w, r, http.StatusBadRequest, "message", view{Title: "badform", Text: "badform.text"})
		return
	}
	account, err := c.people.Link(r.Context(), secret)
	if err != nil {
		c.noLink(w, r, err)
		return
	}
	v := view{First: account == "", Name: account}
	if v.First {
		v.Name = r.PostFormValue("name")
	}
	password := r.PostFormValue("password")
	switch {
	case checkForm(r) != nil:
		v.Problem = "form"
		c.setupPage(w, r, http.StatusForbidden, v)
		return
	case password != r.PostFormValue("again"):
		v.Problem = "differ"
		c.setupPage(w, r, http.StatusUnprocessableEntity, v)
		return
	}
	account, err = c.people.UseLink(r.Context(), secret, v.Name, password)
	if errors.Is(err, access.ErrLink) {
		c.noLink(w, r, err)
		return
	}
	var id string
	if err == nil {
		id, err = c.people.SignIn(r.Context(), account, password, peerOf(r), r.UserAgent())
	}
	if err != nil {
		code, known := c.problemOf(r, err, &v)
		if !known {
			c.fail(w, r, err)
			return
		}
		c.setupPage(w, r, code, v)
		return
	}
	c.enter(w, r, id, "/")
}
