package waf

import (
	"net/http"
	"strings"
)

// isWebSocket tells whether a request asks for the protocol of RFC 6455 and
// nothing else. After any other upgrade an upstream would serve requests that no
// rule sees.
func isWebSocket(r *http.Request) bool {
	h := r.Header
	only := func(name string) string {
		if v := h.Values(name); len(v) == 1 {
			return v[0]
		}
		return ""
	}
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ContentLength == 0 &&
		strings.EqualFold(only("Upgrade"), "websocket") &&
		only("Sec-Websocket-Key") != "" && only("Sec-Websocket-Version") == "13"
}

// dropUpgrade removes the wish for another protocol and reports whether there
// was one. The request goes on without it, as RFC 9110 section 7.8 lets a server
// do.
func dropUpgrade(in *http.Request, out http.Header) bool {
	asked := len(in.Header["Upgrade"]) > 0 || len(in.Header["Http2-Settings"]) > 0
	out.Del("Http2-Settings")
	if !asked || isWebSocket(in) {
		return false
	}
	out.Del("Upgrade")
	out.Del("Connection")
	return true
}
