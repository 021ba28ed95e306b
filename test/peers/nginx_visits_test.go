package peers

import (
	"strconv"
	"strings"
)

// visit is a request and what must be found of it.
type visit struct {
	name    string
	v6      bool
	line    string // of the request
	headers string
	status  string
	want    fields
	shop    bool // it went to the upstreams
}

const (
	agentText = "Mozilla/5.0 \"quoted\" \\back\\ \x1b[31mred\x07 \xe4\xb8\xad \t' OR 1=1--"
	forged    = `x" 200 1 "-" "-" [01/Jan/2020:00:00:00 +0000] "GET /forged HTTP/1.1`
)

var visits = []visit{
	{
		name: "plain", line: "GET / HTTP/1.1", headers: "Host: shop.example\r\nUser-Agent: curl/8\r\nReferer: http://a.example/?q=1\r\n", status: "200",
		want: fields{
			"http.request.method": "GET", "url.original": "/", "url.path": "/", "url.query": "", "http.version": "1.1",
			"user_agent.original": "curl/8", "http.request.referrer": "http://a.example/?q=1", "event.outcome": "success",
		},
	},
	{
		name: "percent", line: "GET /a%20b/%27%22%3Cscript%3E%00?q=%27%20OR%201%3D1--&x=a+b&bad=%zz HTTP/1.1", headers: "Host: shop.example\r\n", status: "400",
		want: fields{"url.original": "/a%20b/%27%22%3Cscript%3E%00?q=%27%20OR%201%3D1--&x=a+b&bad=%zz"},
	},
	{
		name: "double percent", line: "GET /%252e%252e/etc?q=%27%20OR%201%3D1--&x=a+b&bad=%zz HTTP/1.1", headers: "Host: shop.example\r\n", status: "404",
		want: fields{
			"url.path": "/%252e%252e/etc", "url.path_decoded": "/%2e%2e/etc",
			"url.query": "q=%27%20OR%201%3D1--&x=a+b&bad=%zz", "url.query_decoded": "q=' OR 1=1--&x=a b&bad=%zz",
		},
	},
	{
		name: "quotes", line: `GET /"a"\b'?q="\x41"\ HTTP/1.1`, headers: "Host: shop.example\r\nUser-Agent: " + agentText + "\r\n", status: "404",
		want: fields{"url.path": `/"a"\b'`, "url.query": `q="\x41"\`, "user_agent.original": agentText},
	},
	{
		name: "raw bytes", line: "GET /\xe4\xb8\xad?q=\xc3\xa9\xe2\x80\xae HTTP/1.1", headers: "Host: shop.example\r\n", status: "404",
		want: fields{"url.path": "/中", "url.query": "q=é\u202e"},
	},
	{
		name: "forged line", line: "GET /f HTTP/1.1", headers: "Host: shop.example\r\nUser-Agent: " + forged + "\r\nReferer: " + forged + "\r\n", status: "404",
		want: fields{"url.path": "/f", "user_agent.original": forged, "http.request.referrer": forged},
	},
	{
		name: "user", line: "GET /u HTTP/1.1", headers: "Host: shop.example\r\nAuthorization: Basic ZXZpbCBbMDFdICJhZG1pbiI6cA==\r\n", status: "404",
		want: fields{"url.path": "/u", "user.name": `evil [01] "admin"`},
	},
	{
		name: "forwarded", line: "GET /x HTTP/1.1", headers: "Host: shop.example\r\nX-Forwarded-For: 203.0.113.66, 198.51.100.7\r\n", status: "404",
		want: fields{"url.path": "/x", "source.ip": "127.0.0.1", "client.ip": "127.0.0.1"},
	},
	{
		name: "ipv6", v6: true, line: "GET /six HTTP/1.0", headers: "Host: [::1]:80\r\n", status: "404",
		want: fields{"url.path": "/six", "source.ip": "::1", "client.ip": "::1", "http.version": "1.0"},
	},
	{
		name: "absolute", line: "GET http://other.example:8080/p?q=1 HTTP/1.1", headers: "Host: shop.example\r\n", status: "404",
		want: fields{
			"url.original": "http://other.example:8080/p?q=1", "url.scheme": "http", "url.domain": "other.example",
			"url.port": "8080", "url.path": "/p", "url.query": "q=1",
		},
	},
	{
		name: "space in target", line: "GET /a b?c d HTTP/1.1", headers: "Host: shop.example\r\n", status: "400",
		want: fields{"http.request.method": "GET", "url.original": "/a b?c d"},
	},
	{
		name: "tls on a plain port", line: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", status: "400",
		want: fields{"event.action": "malformed-request", "event.reason": "TLS handshake on a plain port", "url.original": ""},
	},
	{
		name: "no request", line: `"hello" \x22`, status: "400",
		want: fields{"event.action": "malformed-request", "nginx.request": `"hello" \x22`, "url.original": ""},
	},
	{
		name: "next upstream", shop: true, line: "GET /shop/cart?id=7 HTTP/1.1", headers: "Host: shop.example\r\n", status: "200",
		want: fields{"url.path": "/shop/cart", "nginx.upstream.status_code": "503, 200"},
	},
	{
		name: "method", line: "PROPFIND / HTTP/1.1", headers: "Host: shop.example\r\n", status: "405",
		want: fields{"http.request.method": "PROPFIND", "url.path": "/"},
	},
}

// visitAll makes all requests and completes what must be found of them.
func (n *nginx) visitAll() []visit {
	n.t.Helper()
	done := make([]visit, len(visits))
	for i, v := range visits {
		addr := n.v4
		if v.v6 {
			addr = n.v6
		}
		a := n.send(addr, v.line+"\r\n"+v.headers+"Connection: close\r\n\r\n")
		if a.status != v.status {
			n.t.Fatalf("%s: nginx answered %s, want %s", v.name, a.status, v.status)
		}
		want := fields{
			"error.message": "", "tags": "", "http.response.status_code": a.status, "source.ip": "127.0.0.1", "client.ip": "127.0.0.1",
			"http.response.body.bytes": strconv.Itoa(len(a.body)), "event.dataset": "nginx.access", "nginx.extra": "", "source.port": a.port,
			"user.name": "", "http.request.headers.x_forwarded_for": "", "nginx.upstream.address": "",
		}
		if _, value, ok := strings.Cut(v.headers, "X-Forwarded-For: "); ok {
			want["http.request.headers.x_forwarded_for"] = strings.TrimSuffix(value, "\r\n")
		}
		if v.shop {
			want["nginx.upstream.address"] = n.bad + ", " + n.good
		}
		v.want = want.with(v.want)
		done[i] = v
	}
	return done
}
