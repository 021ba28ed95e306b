package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/access"
)

func TestAssets(t *testing.T) {
	r := newRig(t, bundle)
	b := r.browser()
	f := func(name, accept, kind, coding, body string) {
		t.Helper()
		a := b.get("/assets/"+name, "Accept-Encoding", accept)
		h := a.header
		if a.code != http.StatusOK || h.Get("Content-Type") != kind || h.Get("Content-Encoding") != coding || !strings.HasPrefix(a.body, body) ||
			!strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s for %q: %d %v %.40q", name, accept, a.code, h, a.body)
		}
		if again := b.get("/assets/"+name, "Accept-Encoding", accept, "If-None-Match", h.Get("ETag")); again.code != http.StatusNotModified || again.body != "" {
			t.Errorf("%s once more: %d", name, again.code)
		}
	}
	f("app-1.js", "br, gzip", "text/javascript; charset=utf-8", "br", "as brotli")
	f("app-1.js", "gzip;q=0.5, br;q=0", "text/javascript; charset=utf-8", "gzip", "as gzip")
	f("app-1.js", "identity", "text/javascript; charset=utf-8", "", "let a")
	f("app-2.css", "br, gzip", "text/css; charset=utf-8", "", "a{}") // no smaller
	f("icons-3.svg", "br", "image/svg+xml", "", "<svg/>")
	for _, name := range []string{"not-in-it-4.js", "manifest.json", "app-1.js.br", "", "../app-1.js", "%2e%2e/x"} {
		if a := b.get("/assets/" + name); a.code == http.StatusOK {
			t.Errorf("/assets/%s is served", name)
		}
	}
}

// TestPagesHavePolicies asks for every page and wants the policies in its headers,
// both languages, and nothing inline.
func TestPagesHavePolicies(t *testing.T) {
	r := newRig(t, bundle)
	r.account("ann", access.Analyst)
	b := r.browser()
	secret, _, err := r.people.NewLink(t.Context(), "ann", "test")
	if err != nil {
		t.Fatal(err)
	}
	pages := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			for _, lang := range []string{"en", "zh-CN"} {
				a := b.get(path, "Accept-Language", lang)
				policy := a.header.Get("Content-Security-Policy")
				if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
					a.header.Get("Permissions-Policy") == "" || !strings.Contains(a.body, `<html lang="`+lang+`"`) {
					t.Errorf("%s in %s: %d %v", path, lang, a.code, a.header)
				}
				for _, bad := range []string{"<style", " style=", " onclick=", "<script>", "ZgotmplZ"} {
					if strings.Contains(a.body, bad) {
						t.Errorf("%s in %s has %s", path, lang, bad)
					}
				}
			}
		}
	}
	pages("/signin", "/setup/"+secret, "/setup/unheard", "/nothing.txt", "/screen/overview?k=gwt_wrong")
	if a := b.get("/rules", "Sec-Fetch-Site", "cross-site"); a.code != http.StatusOK || !strings.Contains(a.body, `content="0; url=/rules"`) {
		t.Errorf("from another site: %d %s", a.code, a.body)
	}
	b.signIn("ann", goodPassword, "/")
	pages("/", "/account", "/rules", "/screen/overview")
	newRig(t, nil) // a console without a bundle can be made
}

// TestWordsAreWhole wants each text in both languages.
func TestWordsAreWhole(t *testing.T) {
	en, zh := words["en"], words["zh-CN"]
	if len(en) < 50 {
		t.Fatalf("%d texts only", len(en))
	}
	for key, text := range en {
		if zh[key] == "" || text == "" {
			t.Errorf("%s is missing", key)
		}
	}
	if len(en) != len(zh) {
		t.Errorf("%d texts in one language, %d in the other", len(en), len(zh))
	}
}
