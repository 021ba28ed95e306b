package console

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/wall"
)

// bundle is a small one.
var bundle = fstest.MapFS{
	"manifest.json":   {Data: []byte(`{"app.js":"app-1.js","app.css":"app-2.css","icons.svg":"icons-3.svg"}`)},
	"app-1.js":        {Data: []byte(strings.Repeat("let a = 1;\n", 50))},
	"app-1.js.br":     {Data: []byte("as brotli")},
	"app-1.js.gz":     {Data: []byte("as gzip")},
	"app-2.css":       {Data: []byte("a{}")},
	"app-2.css.gz":    {Data: []byte("longer than it is plain")},
	"icons-3.svg":     {Data: []byte("<svg/>")},
	"not-in-it-4.js":  {Data: []byte("let b")},
	"manifest.json.x": {Data: []byte("x")},
}

const goodPassword = "brief lentil orbit"

// rig is a console on loopback.
type rig struct {
	*testing.T
	people *access.Accounts
	tokens *access.Tokens
	url    string
	acts   []access.AccountAct
	now    time.Time
}

func newRig(t *testing.T, files fstest.MapFS) *rig {
	t.Helper()
	r := &rig{T: t, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return r.now }
	db, err := state.Open(t.Context(), t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	log := slog.New(slog.DiscardHandler)
	if r.tokens, err = access.OpenTokens(t.TempDir(), clock, log); err != nil {
		t.Fatal(err)
	}
	r.people = access.NewAccounts(access.SessionConfig{}, db, r.tokens, clock, log)
	r.people.Audit(func(a access.AccountAct) error {
		r.acts = append(r.acts, a)
		return nil
	})
	c, err := New(Options{Bundle: files, People: r.people, Layout: &wall.Layout{Title: `"><b>`}, Map: []byte(`{"type":"FeatureCollection"}`), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for route, h := range c.Routes() {
		if route == "GET /" {
			route = "/"
		}
		mux.Handle(route, h)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// account makes an account with goodPassword.
func (r *rig) account(name string, role access.Role) {
	r.Helper()
	if _, err := r.people.Add(r.Context(), name, role, "test"); err != nil {
		r.Fatal(err)
	}
	if err := r.people.SetPassword(r.Context(), name, goodPassword, "test"); err != nil {
		r.Fatal(err)
	}
}

// browser keeps cookies and follows no redirects.
type browser struct {
	*rig
	client *http.Client
}

func (r *rig) browser() *browser {
	r.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.Fatal(err)
	}
	return &browser{r, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type answer struct {
	code     int
	location string
	body     string
	header   http.Header
}

func (b *browser) do(req *http.Request) answer {
	b.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header.Get("Location"), string(body), resp.Header}
}

func (b *browser) get(path string, header ...string) answer {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return b.do(req)
}

func (b *browser) post(path string, form url.Values) answer {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(form|csrf)" value="([0-9a-f]{64})">`)

// form returns what the forms of a page send along.
func (b *browser) form(path string) url.Values {
	b.Helper()
	page := b.get(path)
	found := hidden.FindStringSubmatch(page.body)
	if found == nil {
		b.Fatalf("%s has no form: %d %s", path, page.code, page.body)
	}
	return url.Values{found[1]: {found[2]}}
}

func (b *browser) signIn(name, password, next string) answer {
	b.Helper()
	form := b.form("/signin")
	form.Set("name", name)
	form.Set("password", password)
	form.Set("next", next)
	return b.post("/signin", form)
}

func (b *browser) session() string {
	b.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == access.SessionCookie(false) {
			return c.Value
		}
	}
	return ""
}

func TestSignInAndOut(t *testing.T) {
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	b := r.browser()
	if a := b.get("/decisions?q=a%20b"); a.code != http.StatusSeeOther || a.location != "/signin?next=%2Fdecisions%3Fq%3Da%2520b" {
		t.Errorf("without a session: %d %s", a.code, a.location)
	}
	if a := b.signIn("ann", "not the password", "/"); a.code != http.StatusUnauthorized || !strings.Contains(a.body, "Name or password is wrong.") || b.session() != "" {
		t.Errorf("wrong password: %d", a.code)
	}
	if a := b.signIn(" Ann ", goodPassword, "/decisions?q=1"); a.code != http.StatusSeeOther || a.location != "/decisions?q=1" {
		t.Errorf("signed in: %d %s", a.code, a.location)
	}
	page := b.get("/decisions?q=1")
	if page.code != http.StatusOK || !strings.Contains(page.body, `<script type="module" src="/assets/app-1.js">`) || !strings.Contains(page.body, `<html lang="en" data-icons="/assets/icons-3.svg">`) {
		t.Errorf("document: %d %s", page.code, page.body)
	}
	if a := b.get("/signin?next=/rules"); a.location != "/rules" {
		t.Errorf("sign-in of who is signed in goes to %q", a.location)
	}
	if a := b.post("/signout", url.Values{"csrf": {strings.Repeat("0", 64)}}); a.code != http.StatusForbidden || b.get("/").code != http.StatusOK {
		t.Errorf("sign-out without the token: %d", a.code)
	}
	old := b.session()
	if a := b.post("/signout", b.form("/account")); a.location != "/signin" || b.session() != "" {
		t.Errorf("sign-out: %d %s", a.code, a.location)
	}
	if _, err := r.people.Session(t.Context(), old); err == nil {
		t.Error("the session goes on after the sign-out")
	}
}

// TestSessionFixation shows that an id which somebody else has set is never that of
// a session.
func TestSessionFixation(t *testing.T) {
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	attacker, victim := r.browser(), r.browser()
	attacker.signIn("ann", goodPassword, "/")
	planted := attacker.session()
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	form := victim.form("/signin")
	victim.client.Jar.SetCookies(u, []*http.Cookie{{Name: access.SessionCookie(false), Value: planted, Path: "/"}})
	form.Set("name", "ann")
	form.Set("password", goodPassword)
	if a := victim.post("/signin", form); a.code != http.StatusSeeOther {
		t.Fatalf("sign-in: %d", a.code)
	}
	if victim.session() == planted {
		t.Error("the planted id is that of the new session")
	}
	if _, err := r.people.Session(t.Context(), planted); err == nil {
		t.Error("the planted session goes on")
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	b := r.browser()
	form := url.Values{"name": {"ann"}, "password": {goodPassword}}
	if a := b.post("/signin", form); a.code != http.StatusForbidden || b.session() != "" {
		t.Errorf("sign-in without a form: %d", a.code)
	}
	form.Set("form", r.browser().form("/signin").Get("form"))
	if a := b.post("/signin", form); a.code != http.StatusForbidden || b.session() != "" {
		t.Errorf("sign-in with the form of another browser: %d", a.code)
	}
	b.signIn("ann", goodPassword, "/")
	change := url.Values{"present": {goodPassword}, "password": {"another long text"}, "again": {"another long text"}}
	if a := b.post("/account", change); a.code != http.StatusForbidden {
		t.Errorf("change without a form: %d", a.code)
	}
	if a := r.browser().signIn("ann", goodPassword, "/"); a.code != http.StatusSeeOther {
		t.Errorf("the password was changed: %d", a.code)
	}
}

func TestNextIsLocal(t *testing.T) {
	f := func(next, want string) {
		t.Helper()
		if got := localPath(next); got != want {
			t.Errorf("localPath(%q) = %q, want %q", next, got, want)
		}
	}
	f("/decisions?q=a#b", "/decisions?q=a#b")
	f("", "/")
	for _, bad := range []string{
		"//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)",
		" /x", "evil", "/signin", "/signout", "/setup/x", "/api/v1/tokens", "/appearance?next=//evil.example", "/" + strings.Repeat("a", maxNext),
	} {
		f(bad, "/")
	}
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	if a := r.browser().signIn("ann", goodPassword, "//evil.example/x"); a.location != "/" {
		t.Errorf("sign-in goes to %q", a.location)
	}
	for _, next := range []string{"//evil.example", "/\\evil.example", "https:evil.example"} {
		if a := r.browser().get("/appearance?lang=en&next=" + url.QueryEscape(next)); a.location != "/" {
			t.Errorf("appearance goes from %q to %q", next, a.location)
		}
	}
}

func TestBruteForce(t *testing.T) {
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	for _, name := range []string{"ann", "nobody"} {
		b := r.browser()
		for i := range 5 {
			if a := b.signIn(name, "not the password", "/"); a.code != http.StatusUnauthorized {
				t.Errorf("%s, attempt %d: %d", name, i, a.code)
			}
		}
		a := b.signIn(name, goodPassword, "/")
		if a.code != http.StatusTooManyRequests || a.header.Get("Retry-After") != "600" || b.session() != "" {
			t.Errorf("%s, attempt after too many: %d, retry after %q", name, a.code, a.header.Get("Retry-After"))
		}
	}
	r.now = r.now.Add(10 * time.Minute)
	if a := r.browser().signIn("ann", goodPassword, "/"); a.code != http.StatusSeeOther {
		t.Errorf("after the wait: %d", a.code)
	}
}
