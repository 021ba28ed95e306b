package waf

import (
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// retries remembers what clients had blocked shortly before. A client that has
// much blocked pushes out its own and that of few others.
type retries struct {
	seed   maphash.Seed
	recent *lately[blocked]
}

// blocked is a kind of request that a client had blocked.
type blocked struct {
	client  uint64 // hash
	content uint64 // hash
	request string // id of the first that was blocked
	times   int    // tried again since
}

// retryTime is for how long after a block the like counts as tried again.
const retryTime = 2 * time.Minute

func newRetries() *retries {
	return &retries{maphash.MakeSeed(), newLately[blocked](2048, retryTime)}
}

// retry is what is known of a request that was tried before; zero if it was not.
type retry struct {
	kind  verdict.Retry
	times int
	of    string // id of the request that was blocked
}

// Values of waf.retry.
var retryNames = [...]string{verdict.RetrySame: "same", verdict.RetryChanged: "changed"}

// retried looks whether the client had the like blocked shortly before, and
// notes it if it is blocked now: a request of the same site, method, path but
// for numbers, and names of parameters. It must be called while the evaluation
// holds the body.
func (x *exchange) retried() {
	if !x.payer.IsValid() || !x.judged {
		return
	}
	t := x.node.retries
	client := maphash.Comparable(t.seed, x.payer)
	if !x.decision.Block && !t.recent.any(client, x.started, func(b blocked) bool { return b.client == client }) {
		return
	}
	shape, content := t.hashes(x)
	t.recent.with(client, client^shape, x.started, func(b *blocked, found bool) bool {
		if !found {
			*b = blocked{client: client, content: content, request: x.id}
			return x.decision.Block
		}
		b.times++
		x.retry = retry{kind: verdict.RetryChanged, times: b.times, of: b.request}
		if b.content == content {
			x.retry.kind = verdict.RetrySame
		}
		b.content = content
		return x.decision.Block
	})
}

// hashes are those of the kind of a request and of all of it.
func (t *retries) hashes(x *exchange) (shape, content uint64) {
	var kind, all maphash.Hash
	kind.SetSeed(t.seed)
	all.SetSeed(t.seed)
	path, query, _ := strings.Cut(x.uri, "?")
	write := func(s string) { _, _ = kind.WriteString(s + "\x00") } // never fails
	write(x.site.name)
	write(x.request.Method)
	write(numbersAlike(path))
	for _, name := range x.parameterNames(query) {
		write(name)
	}
	_, _ = all.WriteString(x.uri)
	if x.received > 0 {
		if body, err := x.evaluation.replay(); err == nil && body != nil {
			_, _ = io.Copy(&all, io.LimitReader(body, maxWeighedBody)) // what there is
		}
	}
	return kind.Sum64(), all.Sum64()
}

// maxNames bounds how many names of parameters tell requests apart.
const maxNames = 64

// parameterNames are the names of the parameters of a request, each once.
func (x *exchange) parameterNames(query string) []string {
	var names []string
	for len(query) > 0 && len(names) < maxNames {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	if x.received > 0 && x.evaluation.state != nil {
		for _, m := range x.evaluation.state.Variables().ArgsPostNames().FindAll() {
			if len(names) == 2*maxNames {
				break
			}
			names = append(names, m.Value())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// numbersAlike is a path with each run of digits as one 0.
func numbersAlike(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= '0' && c <= '9' {
			if i > 0 && path[i-1] >= '0' && path[i-1] <= '9' {
				continue
			}
			c = '0'
		}
		b.WriteByte(c)
	}
	return b.String()
}
