package synthetic

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// MutateRequest returns a copy of an attack whose parameters in the query and
// in a form are rewritten by the mutators where they look like SQL, and whether
// any was. The same request and seed give the same copy.
func MutateRequest(r *verdict.Request, seed uint64) (*verdict.Request, bool) {
	rng := rand.New(rand.NewPCG(seed, 0x3017))
	out := *r
	path, query, found := strings.Cut(r.URI, "?")
	changed := false
	if found {
		if q, ok := mutatePairs(rng, query); ok {
			out.URI, changed = path+"?"+q, true
		}
	}
	if !isForm(r) {
		return &out, changed
	}
	if body, ok := mutatePairs(rng, string(r.Body)); ok {
		out.Body, changed = []byte(body), true
		out.Headers = nil
		for _, h := range r.Headers {
			if strings.EqualFold(h[0], "Content-Length") {
				h[1] = strconv.Itoa(len(body))
			}
			out.Headers = append(out.Headers, h)
		}
	}
	return &out, changed
}

func isForm(r *verdict.Request) bool {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], "Content-Type") {
			return strings.HasPrefix(h[1], "application/x-www-form-urlencoded")
		}
	}
	return false
}

// mutatePairs rewrites the values that look like SQL.
func mutatePairs(rng *rand.Rand, s string) (string, bool) {
	changed := false
	pairs := strings.Split(s, "&")
	for i, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		text, err := url.QueryUnescape(value)
		if !found || err != nil || !likeSQL(text) {
			continue
		}
		pairs[i] = name + "=" + url.QueryEscape(Mutate(rng, text))
		changed = true
	}
	return strings.Join(pairs, "&"), changed
}

func likeSQL(s string) bool {
	lower := " " + strings.ToLower(s) + " "
	for _, w := range []string{" or ", " and ", "select", "union", " like ", "sleep(", "having ", "order by", "||", "waitfor", "'='", "1=1"} {
		if strings.Contains(lower, w) && strings.ContainsAny(s, "'\"=()-#0123456789") {
			return true
		}
	}
	return false
}
