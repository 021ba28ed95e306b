package waf

import (
	"net/http"
	"strings"
)

// claims are the headers besides X-Forwarded-* by which a proxy says who a
// client is and what it asked for. Upstreams believe them, so only trusted peers
// may send them.
var claims = map[string]bool{
	"Forwarded": true, "X-Real-Ip": true, "True-Client-Ip": true, "Cf-Connecting-Ip": true, "Fastly-Client-Ip": true,
	"X-Client-Ip": true, "X-Cluster-Client-Ip": true, "X-Original-Forwarded-For": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"X-Original-Host": true, "X-Host": true, "X-Scheme": true, "X-Url-Scheme": true, "Front-End-Https": true,
	"X-Original-Url": true, "X-Rewrite-Url": true,
}

// isClaim tells whether a header, by its canonical name, is one of them.
func isClaim(name string) bool { return claims[name] || strings.HasPrefix(name, "X-Forwarded-") }

// isOwned tells whether a header to upstreams is the node's to set or to remove.
func isOwned(name string) bool { return name == "X-Request-Id" || name == "Host" || isClaim(name) }

// dashes is the name that CGI and its kin take a header for: to them
// X_Forwarded_For and X-Forwarded-For are one.
func dashes(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	return http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// dropClaims removes the claims of a peer that is not trusted. Those with an
// underscore are removed in any case: they would stand beside the node's own.
func dropClaims(h http.Header, trusted bool) {
	for name := range h {
		real := dashes(name)
		if isClaim(real) && !trusted || real != name && isOwned(real) {
			delete(h, name)
		}
	}
}
