package console

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/gatewatch/gatewatch/services/access"
)

// appPolicy is what the application may load: its own files, and answers of this
// server.
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pagePolicy is what a page without scripts may load.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// permissions are the features of a browser that no page of ours needs.
const permissions = "accelerometer=(), ambient-light-sensor=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), display-capture=(), " +
	"encrypted-media=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), " +
	"payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(self), serial=(), usb=(), xr-spatial-tracking=(), " +
	"clipboard-read=(), clipboard-write=(self), fullscreen=(self)"

// app is every path that nothing else has: the application shows what is there. Who
// has not signed in does so first.
func (c *Console) app(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(path.Base(r.URL.Path), ".") || strings.HasPrefix(r.URL.Path, "/api/") {
		c.pages.write(w, r, http.StatusNotFound, "message", view{Title: "missing", Text: "missing.text"})
		return
	}
	s, _, err := c.sessionOf(r)
	switch {
	case errors.Is(err, access.ErrSession):
		c.toSignIn(w, r)
	case err != nil:
		c.fail(w, r, err)
	default:
		c.document(w, r, "app", s.Identity)
	}
}

// toSignIn sends a browser to the page where one signs in. A link on the page of
// another site comes without the cookie, although there may be one: then the page
// goes to itself once more.
func (c *Console) toSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		c.pages.write(w, r, http.StatusOK, "onward", view{Title: "onward", Next: localPath(r.URL.RequestURI())})
		return
	}
	target := "/signin"
	if next := localPath(r.URL.RequestURI()); next != "/" {
		target += "?" + query("next", next)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// document writes the document of an application: name.js and name.css of the
// bundle, or those of the console if it has none of its own.
func (c *Console) document(w http.ResponseWriter, r *http.Request, name string, _ access.Identity) {
	v := view{Script: c.assets.path(name + ".js"), Style: c.assets.path(name + ".css"), Icons: c.assets.path("icons.svg"), App: name}
	if name == "screen" {
		v.Layout = c.layout
	}
	if v.Script == "" {
		v.Script, v.Style = c.assets.path("app.js"), c.assets.path("app.css")
	}
	if v.Script == "" {
		c.pages.write(w, r, http.StatusOK, "message", view{Title: "unbuilt", Text: "unbuilt.text"})
		return
	}
	c.pages.write(w, r, http.StatusOK, "app", v)
}
