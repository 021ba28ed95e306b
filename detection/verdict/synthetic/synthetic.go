// Package synthetic makes labelled requests for training: benign texts and
// application traffic, and attacks from grammars of their own. The same number
// and seed give the same requests.
package synthetic

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Source names the requests that are made here.
const Source = "self-made"

// Requests makes n requests, two thirds of them benign, and a tenth as many again
// of questions with code in the line and of pages as editors send them.
func Requests(n int, seed uint64) []*verdict.Request {
	m := maker{rand.New(rand.NewPCG(seed, 0x5e1f))}
	out := make([]*verdict.Request, 0, n)
	for i := range n {
		var r *verdict.Request
		if i%3 == 0 {
			r = m.attack()
		} else {
			r = m.benign()
		}
		out = append(out, r)
	}
	m = maker{rand.New(rand.NewPCG(seed, 0x1e7))}
	for range n / 10 {
		out = append(out, m.question())
	}
	for i, r := range out {
		r.ID = Source + "-" + strconv.Itoa(i)
		r.Source, r.Labeled, r.Proto = Source, true, "HTTP/1.1"
	}
	return out
}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "curl/8.5.0", "okhttp/4.12.0", "python-requests/2.32.3",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A)",
}

// field is a parameter of a request.
type field struct{ name, value string }

// form is the way in which fields are sent.
type form uint8

const (
	asQuery form = iota
	asForm
	asJSON
	asMultipart
	asXML
	forms
)

// request makes an empty request of a site.
func (m maker) request(path string) *verdict.Request {
	site := m.of(words) + "." + m.pick("example", "test", "internal.example", "shop.example")
	return &verdict.Request{
		Site: site, Method: "GET", URI: path,
		Headers: [][2]string{{"Host", site}, {"User-Agent", m.of(agents)}, {"Accept", "*/*"}},
	}
}

func (m maker) path() string {
	var b strings.Builder
	for range m.between(1, 3) {
		b.WriteByte('/')
		b.WriteString(m.of(words))
	}
	b.WriteString(m.pick("", "", ".php", ".html", ".jsp", "/"+m.number(10000), ".do"))
	return b.String()
}

// send puts fields into a request.
func (m maker) send(fields []field, as form) *verdict.Request {
	r := m.request(m.path())
	if as == asQuery {
		r.URI += "?" + m.encode(fields)
		return r
	}
	r.Method = m.pick("POST", "POST", "POST", "PUT")
	var kind, body string
	switch as {
	case asForm:
		kind, body = "application/x-www-form-urlencoded", m.encode(fields)
	case asJSON:
		kind, body = "application/json", m.jsonBody(fields)
	case asXML:
		kind, body = "application/xml", m.xmlBody(fields)
	default:
		boundary := "----" + m.letters(16)
		kind, body = "multipart/form-data; boundary="+boundary, m.multipart(fields, boundary)
	}
	r.Body = []byte(body)
	r.Headers = append(r.Headers, [2]string{"Content-Type", kind}, [2]string{"Content-Length", strconv.Itoa(len(body))})
	return r
}

// encode writes a query, with no more escapes than some clients use.
func (m maker) encode(fields []field) string {
	var b strings.Builder
	lazy := m.chance(0.25)
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(fieldName(f.name))
		b.WriteByte('=')
		if lazy {
			b.WriteString(strings.NewReplacer("%", "%25", " ", "%20", "&", "%26", "#", "%23", "+", "%2B", "\n", "%0A", "\r", "%0D", "\t", "%09").Replace(f.value))
		} else {
			b.WriteString(url.QueryEscape(f.value))
		}
	}
	return b.String()
}

// fieldName writes the name of a field as clients do: those that programs give
// as they are.
func fieldName(s string) string {
	if strings.ContainsAny(s, " \r\n\t\x00&#=+%;") {
		return url.QueryEscape(s)
	}
	return s
}

func (m maker) jsonBody(fields []field) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoteJSON(f.name) + ":" + quoteJSON(f.value))
	}
	b.WriteByte('}')
	if m.chance(0.2) {
		return `{"` + m.of(words) + `":` + b.String() + `,"id":` + m.number(1000) + `}`
	}
	return b.String()
}

func (m maker) xmlBody(fields []field) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><` + "request>")
	for _, f := range fields {
		name := strings.Map(func(r rune) rune {
			if r == '[' || r == ']' || r == '$' {
				return -1
			}
			return r
		}, f.name)
		b.WriteString("<" + name + ">" + escape.Replace(f.value) + "</" + name + ">")
	}
	b.WriteString("</request>")
	return b.String()
}

func (m maker) multipart(fields []field, boundary string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + f.name + "\"\r\n\r\n" + f.value + "\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return b.String()
}

// company makes benign fields.
func (m maker) company(n int) []field {
	var out []field
	for range n {
		out = append(out, field{m.of(words), m.benignValue()})
	}
	return out
}

func (m maker) benign() *verdict.Request {
	switch n := m.IntN(36); {
	case n < 12:
		r := m.send(m.company(m.between(1, 5)), form(m.IntN(int(forms))))
		r.Class = "values"
		return r
	case n < 15:
		fields := append(m.company(m.IntN(3)), field{m.pick("body", "message", "comment", "text", "content", "description", "q"), m.benignText()})
		r := m.send(fields, form(m.IntN(int(asXML))))
		r.Class = "text"
		return r
	case n < 17:
		return m.raw("application/json", m.fill(m.of(applications)), "application")
	case n < 18:
		return m.raw("text/xml", m.fill(m.of(documents)), "document")
	case n < 25:
		return m.posting()
	case n < 29:
		return m.beacon()
	case n < 33:
		return m.telemetry()
	case n < 34:
		return m.login()
	case n < 35:
		return m.file(m.fill(p("‹w›.‹jpg|png|pdf|docx|txt|csv|zip|md›")[0]), m.benignText(), "file")
	}
	r := m.send([]field{{m.pick("url", "redirect_uri", "next", "return", "ref", "link", "image"), m.fill(m.of(links))}}, asQuery)
	r.Class = "link"
	return r
}

var links = p(
	"https://www.‹host›/‹w›/‹n›", "/‹w›/‹w›?page=‹d›", "https://‹host›/oauth/callback?state=‹id›", "https://cdn.‹host›/‹w›/‹x›.png", "http://‹host›/‹w›.html#‹w›", "‹host›/‹w›", "/", "https://github.com/‹w›/‹w›/blob/main/README.md", "myapp://callback",
)

func (m maker) raw(kind, body, class string) *verdict.Request {
	r := m.request(m.path())
	r.Method, r.Body, r.Class = "POST", []byte(body), class
	r.Headers = append(r.Headers, [2]string{"Content-Type", kind}, [2]string{"Content-Length", strconv.Itoa(len(body))})
	return r
}

func (m maker) file(name, content, class string) *verdict.Request {
	boundary := "----" + m.letters(16)
	body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + m.of(words) + "\"; filename=\"" + name +
		"\"\r\nContent-Type: application/octet-stream\r\n\r\n" + content + "\r\n--" + boundary + "--\r\n"
	return m.raw("multipart/form-data; boundary="+boundary, body, class)
}

// attack makes one attack among benign fields.
func (m maker) attack() *verdict.Request {
	var r *verdict.Request
	switch n := m.IntN(24); {
	case n < 14:
		r = m.injection()
	case n < 17:
		r = m.raw(m.pick("application/xml", "text/xml"), m.fill(m.of(bodies)), "xxe")
		if r.Body[0] == '{' {
			r.Headers[3][1], r.Class = "application/json", "graphql"
		}
	case n < 19:
		u := uploads[m.IntN(len(uploads))]
		r = m.file(m.fill(p(u[0])[0]), m.fill(p(u[1])[0]), "upload")
	case n < 21:
		r = m.request(strings.ReplaceAll(m.fill(m.of(exploitPaths)), " ", "%20"))
		r.Class = "exploit-path"
	case n < 22:
		r = m.header()
	default:
		r = m.probe()
	}
	r.Attack = true
	return r
}

// payload makes the text of an attack.
func (m maker) payload() (g *grammar, text string) {
	g = &grammars[m.IntN(len(grammars))]
	if m.chance(0.35) {
		g = &grammars[m.IntN(4)]
	}
	text = m.fill(m.of(g.patterns))
	if g.class == "sqli" && m.chance(0.5) {
		text = Mutate(m.Rand, text)
	}
	return g, text
}

func (m maker) injection() *verdict.Request {
	g, text := m.payload()
	fields := m.company(m.IntN(4))
	switch m.IntN(12) {
	case 0:
		text = m.fill(m.of(values)) + text
	case 1:
		text = url.QueryEscape(text)
	}
	name := m.fill(p(m.of(g.names))[0])
	if m.chance(0.3) && !strings.Contains(name, "[") {
		name = m.of(words)
	}
	at := m.IntN(len(fields) + 1)
	fields = append(fields[:at:at], append([]field{{name, text}}, fields[at:]...)...)
	as := asQuery
	if m.chance(0.55) {
		as = form(m.IntN(int(forms)))
	}
	r := m.send(fields, as)
	r.Class = g.class
	return r
}

// header makes an attack in a header or cookie.
func (m maker) header() *verdict.Request {
	g, text := m.payload()
	r := m.request(m.path())
	text = strings.NewReplacer("\r", "", "\n", " ").Replace(text)
	switch m.IntN(4) {
	case 0:
		r.Headers[1][1] = text
	case 1:
		r.Headers = append(r.Headers, [2]string{"Cookie", m.of(words) + "=" + m.id() + "; " + m.of(words) + "=" + strings.ReplaceAll(text, ";", "%3B")})
	case 2:
		r.Headers = append(r.Headers, [2]string{m.pick("X-Forwarded-For", "X-Api-Version", "X-Client-Ip", "True-Client-Ip", "X-Forwarded-Host"), text})
	default:
		r.Headers = append(r.Headers, [2]string{"Referer", "https://" + r.Site + "/?" + m.of(words) + "=" + url.QueryEscape(text)})
	}
	r.Class = g.class
	return r
}
