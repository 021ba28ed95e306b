package waf

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
)

// RequestLimits bound what of a request is given to the rules, whose cost grows
// with each byte of an argument. What exceeds them is refused in block mode; in
// detect mode it passes unjudged. Either way the event says so (waf.reason). The
// zero value is the default.
type RequestLimits struct {
	URIBytes       int   `yaml:"uri_bytes" help:"length of the target of a request, refused with 414; default 8KiB"`
	Headers        int   `help:"number of headers, refused with 431; default 100"`
	HeaderBytes    int   `help:"size of all headers together, refused with 431; default 32KiB"`
	Cookies        int   `help:"number of cookies, refused with 431; default 150"`
	CookieBytes    int   `help:"size of all cookies together, refused with 431; default 8KiB"`
	ArgumentBytes  int   `help:"length of one argument (form field, JSON value, text of XML), refused with 413; default argument_total"`
	ArgumentTotal  int   `help:"size of all arguments together, refused with 413; default 128KiB"`
	FormBytes      int64 `help:"how much is judged of a body that is neither multipart nor JSON nor XML, at most request_body_bytes; default 128KiB"`
	ClientTrailers bool  `help:"pass trailers of requests to the upstream, which the rules do not see"`
}

func (l RequestLimits) withDefaults() RequestLimits {
	def := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	def(&l.URIBytes, 8<<10)
	def(&l.Headers, 100)
	def(&l.HeaderBytes, 32<<10)
	def(&l.Cookies, 150)
	def(&l.CookieBytes, 8<<10)
	def(&l.ArgumentTotal, 128<<10)
	def(&l.ArgumentBytes, l.ArgumentTotal)
	if l.FormBytes == 0 {
		l.FormBytes = 128 << 10
	}
	return l
}

// validate names the key that is wrong. Defaults are filled in.
func (l RequestLimits) validate() error {
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"uri_bytes", int64(l.URIBytes)},
		{"headers", int64(l.Headers)},
		{"header_bytes", int64(l.HeaderBytes)},
		{"cookies", int64(l.Cookies)},
		{"cookie_bytes", int64(l.CookieBytes)},
		{"argument_bytes", int64(l.ArgumentBytes)},
		{"argument_total", int64(l.ArgumentTotal)},
		{"form_bytes", l.FormBytes},
	} {
		if n.value < 1 || n.value > maxJudgedBytes {
			return fmt.Errorf("%s: %d is not between 1 and %d", n.key, n.value, int64(maxJudgedBytes))
		}
	}
	return nil
}

// boundError is a request that exceeds its limits.
type boundError struct {
	status int
	reason string
}

func (e *boundError) Error() string { return "request exceeds its limits: " + e.reason }

// Which limit a request exceeds (waf.reason).
const (
	reasonURI       = "uri_too_long"
	reasonHeaders   = "headers_over_limit"
	reasonCookies   = "cookies_over_limit"
	reasonArguments = "arguments_over_limit"
)

// check is what costs next to nothing and comes before all rules.
func (l RequestLimits) check(r *http.Request) error {
	if len(requestURI(r)) > l.URIBytes {
		return &boundError{http.StatusRequestURITooLong, reasonURI}
	}
	headers, size := 0, 0
	for name, values := range r.Header {
		headers += len(values)
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if headers > l.Headers || size > l.HeaderBytes {
		return &boundError{http.StatusRequestHeaderFieldsTooLarge, reasonHeaders}
	}
	cookies, size := 0, 0
	for _, v := range r.Header["Cookie"] {
		cookies += 1 + strings.Count(v, ";")
		size += len(v)
	}
	if cookies > l.Cookies || size > l.CookieBytes {
		return &boundError{http.StatusRequestHeaderFieldsTooLarge, reasonCookies}
	}
	return nil
}

// Ids of the rules that bound arguments, which are known only once the engine
// has parsed the body.
const (
	firstBoundRule = 9990011
	lastBoundRule  = 9990013
)

// directives are the rules that stop a request before all others see its
// arguments.
func (l RequestLimits) directives() string {
	var b strings.Builder
	for i, target := range []struct {
		variable, transform string
		most                int
	}{
		{"ARGS_COMBINED_SIZE", "t:none", l.ArgumentTotal},
		{"ARGS|ARGS_NAMES", "t:none,t:length", l.ArgumentBytes},
		{"XML:/*", "t:none,t:length", l.ArgumentBytes},
	} {
		fmt.Fprintf(&b, "SecRule %s \"@gt %d\" \"id:%d,phase:2,%s,nolog,deny,status:%d\"\n",
			target.variable, target.most, firstBoundRule+i, target.transform, http.StatusRequestEntityTooLarge)
	}
	return b.String()
}

// boundOf tells whether it was a limit that stopped a request.
func boundOf(i *types.Interruption) error {
	if i == nil || i.RuleID < firstBoundRule || i.RuleID > lastBoundRule {
		return nil
	}
	return &boundError{http.StatusRequestEntityTooLarge, reasonArguments}
}
