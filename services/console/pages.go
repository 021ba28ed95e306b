package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/text/language"

	"github.com/gatewatch/gatewatch/services/access"
)

//go:embed pages
var files embed.FS

// pages are the templates, each with the layout.
type pages struct {
	byName map[string]*template.Template
	style  string // path of the style sheet
}

// view is what a template shows. The texts of the server are keys of words; those
// of people are escaped by the template, wherever it puts them.
type view struct {
	Title, Text string // keys
	Problem     string // key of what went wrong
	Wait        int    // seconds, with the problem
	Notice      string // key of what went well

	Name, Next string
	Form       string // what the form sends along
	First      bool   // the first administrator, who chooses a name too
	Sessions   []access.Session
	Current    string // names the session of the request
	Role       access.Role

	App, Script, Style, Icons string // of the document of an application
	Layout                    string // of the screens, in JSON

	Lang, Theme, Sheet, Here string // set by write
}

func newPages(a *assets) (*pages, error) {
	sheet, err := files.ReadFile("pages/pages.css")
	if err != nil {
		return nil, err
	}
	p := &pages{byName: map[string]*template.Template{}, style: a.addHashed("pages", ".css", kinds[".css"], sheet)}
	for _, name := range []string{"app", "signin", "setup", "account", "message", "onward"} {
		t := template.New("layout.html").Option("missingkey=error").Funcs(template.FuncMap{"t": say, "when": when})
		if name == "app" || name == "onward" {
			t = t.New(name + ".html")
			t, err = t.ParseFS(files, "pages/"+name+".html")
		} else {
			t, err = t.ParseFS(files, "pages/layout.html", "pages/"+name+".html")
		}
		if err != nil {
			return nil, err
		}
		p.byName[name] = t
	}
	return p, nil
}

// when writes a time as people of all languages read it.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// write answers with a page in the language and colours that the browser asks for.
func (p *pages) write(w http.ResponseWriter, r *http.Request, code int, name string, v view) {
	v.Lang, v.Theme, v.Sheet, v.Here = languageOf(r), themeOf(r), p.style, r.URL.RequestURI()
	var b bytes.Buffer
	if err := p.byName[name].Execute(&b, v); err != nil {
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang)
	h.Set("Permissions-Policy", permissions)
	h.Set("Content-Security-Policy", pagePolicy)
	if name == "app" {
		h.Set("Content-Security-Policy", appPolicy)
	}
	if v.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(v.Wait))
	}
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		w.Write(b.Bytes())
	}
}

// Cookies in which a browser keeps how pages look. Scripts may read and set them.
const (
	languageCookie = "gatewatch_lang"
	themeCookie    = "gatewatch_theme"
	appearanceAge  = 365 * 24 * time.Hour
)

var languages = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

// languageOf returns zh-CN or en.
func languageOf(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == "zh-CN" || c.Value == "en") {
		return c.Value
	}
	header := r.Header.Get("Accept-Language")
	if len(header) > 256 {
		header = ""
	}
	if _, i := language.MatchStrings(languages, header); i == 1 {
		return "zh-CN"
	}
	return "en"
}

// themeOf returns light or dark, "" for that of the system.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// appearance is GET /appearance?lang=…&theme=…&next=…: links without scripts.
func (c *Console) appearance(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	set := func(name, value string, known ...string) {
		for _, k := range known {
			if value == k {
				http.SetCookie(w, &http.Cookie{
					Name: name, Value: value, Path: "/", MaxAge: int(appearanceAge / time.Second), Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
				})
			}
		}
	}
	set(languageCookie, q.Get("lang"), "zh-CN", "en")
	set(themeCookie, q.Get("theme"), "light", "dark", "system")
	next := q.Get("next")
	if !isLocal(next) {
		next = "/"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func query(key, value string) string { return url.Values{key: {value}}.Encode() }
