package waf

import (
	"net/http"
	"strings"
)

// claims are the headers by which a proxy says who a client is and what it
// asked for. Upstreams believe them, so only trusted peers may send them.
var claims = map[string]bool{
	"Forwarded": true, "X-Real-Ip": true, "True-Client-Ip": true, "Cf-Connecting-Ip": true, "Fastly-Client-Ip": true,
	"X-Client-Ip": true, "X-Cluster-Client-Ip": true, "X-Original-Forwarded-For": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"X-Original-Host": true, "X-Host": true, "X-Scheme": true, "X-Url-Scheme": true, "Front-End-Https": true,
	"X-Original-Url": true, "X-Rewrite-Url": true,
}

// isClaim tells whether a header, by its canonical name, says something about
// the client.
func isClaim(name string) bool {
	return claims[name] || strings.HasPrefix(name, "X-Forwarded-")
}

// dropClaims removes the claims of a peer that is not trusted. Those with an
// underscore are removed in any case: to CGI and its kin X_Forwarded_For and
// X-Forwarded-For are one name.
func dropClaims(h http.Header, trusted bool) {
	for name := range h {
		dashed := name
		if strings.IndexByte(name, '_') >= 0 {
			dashed = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		}
		if isClaim(dashed) && (!trusted || dashed != name) || dashed != name && isOwned(dashed) {
			delete(h, name)
		}
	}
}

// isOwned tells whether the node itself sets a header of requests to upstreams.
func isOwned(name string) bool { return name == "X-Request-Id" || isClaim(name) }
