// Package console is the server's side of the console: the files of its bundle, the
// document in which it runs, and the pages that work without scripts: to sign in, to
// choose a password and to change it. What the console shows it asks of the REST
// API, like everybody.
package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/wall"
)

// Options are what a console is made of.
type Options struct {
	Bundle fs.FS // see [dashboards.Web]
	People *access.Accounts
	Layout *wall.Layout // of the screens on a wall
	Map    []byte       // that they show, in GeoJSON; nil for their own
	Log    *slog.Logger
}

// Console serves the pages of one server. It may be used concurrently.
type Console struct {
	people *access.Accounts
	log    *slog.Logger
	assets *assets
	pages  *pages
	layout string // of the screens, in JSON
	chart  []byte // that the screens show, nil if they have one of their own
}

// New makes a console. A bundle without a manifest is none: pages then say how to
// build it.
func New(o Options) (*Console, error) {
	a, err := loadAssets(o.Bundle)
	if err != nil {
		return nil, fmt.Errorf("read bundle of the console: %w", err)
	}
	p, err := newPages(a)
	if err != nil {
		return nil, fmt.Errorf("read pages of the console: %w", err)
	}
	layout, err := json.Marshal(o.Layout)
	if err != nil {
		return nil, fmt.Errorf("write layout of the screens: %w", err)
	}
	return &Console{people: o.People, log: o.Log, assets: a, pages: p, layout: string(layout), chart: o.Map}, nil
}

// Routes returns the handlers by verb and path, as the table of rights names them.
// They look for a session themselves.
func (c *Console) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{}
	for name, h := range map[string]http.HandlerFunc{
		"GET /":                c.app,
		"GET /assets/":         c.assets.serve,
		"GET /signin":          c.showSignIn,
		"POST /signin":         c.signIn,
		"POST /signout":        c.signOut,
		"GET /setup/{secret}":  c.showSetup,
		"POST /setup/{secret}": c.setup,
		"GET /account":         c.showAccount,
		"POST /account":        c.account,
		"GET /appearance":      c.appearance,
		"GET /screen/{name}":   c.screen,
		"GET /screen/map.json": c.screenMap,
	} {
		routes[name] = h
	}
	return routes
}

// sessionOf returns the session of a request, and the id that the browser has;
// ErrSession if there is none.
func (c *Console) sessionOf(r *http.Request) (s access.Session, id string, err error) {
	cookie, err := r.Cookie(access.SessionCookie(r.TLS != nil))
	if err != nil {
		return s, "", access.ErrSession
	}
	s, err = c.people.Session(r.Context(), cookie.Value)
	return s, cookie.Value, err
}

// setSession gives a browser the id of a session; "" takes it away.
func setSession(w http.ResponseWriter, r *http.Request, name, id string) {
	k := &http.Cookie{
		Name: name, Value: id, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	}
	if id == "" {
		k.MaxAge = -1
	}
	http.SetCookie(w, k)
}

// localPath returns a path of this server that a request asks to go to next, and
// "/" for everything else.
func localPath(next string) string {
	if !isLocal(next) {
		return "/"
	}
	for _, page := range []string{"/signin", "/signout", "/setup/", "/api/", "/appearance"} {
		if strings.HasPrefix(next, page) {
			return "/"
		}
	}
	return next
}

// isLocal tells whether a text is the path of a page of this server, whatever a
// browser makes of it.
func isLocal(next string) bool {
	return len(next) <= maxNext && strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") &&
		!strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
}

// maxNext bounds the path that is gone to after signing in: a deep link with a
// query.
const maxNext = 8 << 10

// fail answers a request that the server could not serve.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil || context.Cause(r.Context()) != nil {
		return // nobody waits
	}
	c.log.Error("page of the console failed", "path", r.URL.Path, "error", err)
	c.pages.write(w, r, http.StatusInternalServerError, "message", view{Title: "broken", Text: "broken.text"})
}
