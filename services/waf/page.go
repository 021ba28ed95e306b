package waf

import (
	"encoding/json"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// page answers a request that does not reach an upstream, or whose response
// does not reach the client. It says what the client may know: that, and an id
// to ask about, never a rule.
func page(w http.ResponseWriter, r *http.Request, status int, id string) {
	h := w.Header()
	for name := range h {
		delete(h, name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", id)
	chinese := strings.Contains(strings.ToLower(r.Header.Get("Accept-Language")), "zh")
	title, text := words(status, chinese)
	var body []byte
	if wantsJSON(r) {
		h.Set("Content-Type", "application/problem+json")
		body, _ = json.Marshal(map[string]any{ // strings and a number cannot fail
			"type": "about:blank", "title": title, "status": status, "detail": text, "request_id": id,
		})
	} else {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		body = htmlPage(status, title, text, id, chinese)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone; there is nobody else to tell
	}
}

// wantsJSON tells whether a program is asking that reads JSON.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "text/html") {
		return false
	}
	return strings.Contains(accept, "json") || strings.Contains(r.Header.Get("Content-Type"), "json") ||
		r.Header.Get("X-Requested-With") == "XMLHttpRequest"
}

func words(status int, chinese bool) (title, text string) {
	type pair struct{ title, text string }
	en, zh := pair{http.StatusText(status), "The request could not be served."}, pair{"无法处理请求", "服务器无法处理该请求。"}
	switch status {
	case http.StatusForbidden, http.StatusBadRequest:
		en.text = "The request was refused. If you think this is a mistake, tell the site's operator the number below."
		zh = pair{"请求被拒绝", "该请求已被拒绝。如果您认为这是误判，请将下面的编号告知网站管理员。"}
	case http.StatusRequestEntityTooLarge:
		en.text = "The request is larger than this site accepts."
		zh = pair{"请求过大", "该请求超过了本站允许的大小。"}
	case http.StatusMisdirectedRequest:
		en.text = "No site of this name is served here."
		zh = pair{"站点不存在", "此处没有该名称的站点。"}
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		en.text = "The site does not answer at the moment. Please try again."
		zh = pair{"网站暂无响应", "网站暂时没有响应，请稍后重试。"}
	case http.StatusServiceUnavailable:
		en.text = "The site is busy at the moment. Please try again."
		zh = pair{"网站繁忙", "网站当前繁忙，请稍后重试。"}
	}
	if chinese {
		return zh.title, zh.text
	}
	return en.title, en.text
}

func htmlPage(status int, title, text, id string, chinese bool) []byte {
	lang := "en"
	if chinese {
		lang = "zh-CN"
	}
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + lang + `"><meta charset="utf-8"><meta name="viewport" content="width=device-width">`)
	b.WriteString(`<title>` + strconv.Itoa(status) + ` ` + html.EscapeString(title) + `</title>`)
	b.WriteString(`<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em;color:#222;background:#fff}` +
		`code{color:#666}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{color:#999}}</style>`)
	b.WriteString(`<h1>` + html.EscapeString(title) + `</h1><p>` + html.EscapeString(text) + `</p><p><code>` + html.EscapeString(id) + `</code></p></html>` + "\n")
	return []byte(b.String())
}
