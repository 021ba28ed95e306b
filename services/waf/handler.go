package waf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

// ServeHTTP serves one request: it finds the site, has the request judged,
// answers it or passes it on, and makes the event of it.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := n.now()
	st := n.state.Load()
	n.metrics.inflight.Inc()
	defer n.metrics.inflight.Dec()
	x := &exchange{request: r, uri: requestURI(r), started: now, action: actionAllow, node: n}
	x.locate(r, st.trusted)
	x.name(r, st.trusted)
	if x.site = st.router.find(r.Host); x.site == nil {
		n.metrics.reasons.WithLabelValues("", "unknown_host").Inc()
		page(w, r, http.StatusMisdirectedRequest, x.id)
		return
	}
	a := newAnswer(w, st.limits.StallTimeout)
	defer n.finish(x, a)
	var payload *paced
	if r.Body != nil && r.Body != http.NoBody {
		source := r.Body
		if limit := x.site.config.MaxBodyBytes; limit > 0 {
			source = http.MaxBytesReader(w, source, limit)
		}
		payload = &paced{body: source, control: a.control, idle: st.limits.StallTimeout, count: &x.received}
	}
	if limit := x.site.config.MaxBodyBytes; limit > 0 && r.ContentLength > limit {
		x.refuse(a, http.StatusRequestEntityTooLarge, reasonTooLarge)
		return
	}
	x.serve(a, st, payload)
}

// serve judges the request and does what follows from it.
func (x *exchange) serve(a *answer, st *state, payload *paced) {
	v := x.site.engine.begin(x.id, x.node.now)
	x.evaluation = v
	again, filled, err := st.judge.run(x, v, payload)
	defer func() {
		again.detach()
		x.evaluation = nil
		if err := v.release(); err != nil {
			x.node.log.Warn("close evaluation", slog.String("request", x.id), slog.Any("error", err))
		}
	}()
	if filled.truncated {
		x.node.metrics.truncated.WithLabelValues(x.site.name).Inc()
	}
	if err != nil {
		x.work = st.judge.time
		if !v.abandoned {
			x.work = v.spent
		}
		if !x.unjudged(a, err) {
			return
		}
	} else {
		x.work, x.judged, x.decision = v.spent, true, v.decide()
		if x.stops(a, filled) {
			return
		}
	}
	x.pass(a, st, again, payload != nil)
}

// stops carries out a decision to block, and the limit on bodies. It reports
// whether the request ends here.
func (x *exchange) stops(a *answer, filled body) bool {
	blocking := x.site.mode == ModeBlock
	if x.decision.Block && blocking && x.evaluation.enforced() {
		x.action = actionBlock
		x.answerBlocked(a)
		return true
	}
	if filled.truncated && x.site.config.OverLimit == overReject {
		if blocking {
			x.refuse(a, http.StatusRequestEntityTooLarge, reasonOverLimit)
			return true
		}
		x.reason = reasonOverLimit
	}
	return false
}

func (x *exchange) answerBlocked(a *answer) {
	if i := x.evaluation.interruption(); i != nil && i.Action == "redirect" && i.Data != "" {
		status := i.Status
		if status < 300 || status > 399 {
			status = http.StatusFound
		}
		a.Header().Set("Location", i.Data)
		a.WriteHeader(status)
		return
	}
	page(a, x.request, x.decision.Status, x.id)
}

// unjudged deals with a request that could not be judged and reports whether it
// goes on to the upstream all the same.
func (x *exchange) unjudged(a *answer, err error) bool {
	reason := reasonOf(err)
	switch reason {
	case reasonTooLarge:
		x.refuse(a, http.StatusRequestEntityTooLarge, reason)
		return false
	case reasonBody:
		x.refuse(a, http.StatusBadRequest, reason)
		return false
	case reasonAborted:
		x.reason, x.status = reason, statusClientGone
		return false
	}
	x.node.log.Error("request could not be judged", slog.String("request", x.id), slog.String("site", x.site.name),
		slog.String("reason", reason), slog.Any("error", err))
	if errors.Is(err, errBuffer) || x.site.config.OnError == actionBlock && x.site.mode == ModeBlock {
		x.refuse(a, http.StatusServiceUnavailable, reason)
		return false
	}
	x.reason = reason
	return true
}

// refuse answers a request that the node itself does not let pass.
func (x *exchange) refuse(a *answer, status int, reason string) {
	x.action, x.reason = actionBlock, reason
	page(a, x.request, status, x.id)
}

// pass sends the request to an upstream and its response to the client.
func (x *exchange) pass(a *answer, st *state, again *replayed, hasBody bool) {
	ctx := withExchange(x.request.Context(), x)
	out := x.request.WithContext(ctx)
	if hasBody {
		out.Body = again
	}
	x.trusted = st.trusted
	x.asked = x.node.now()
	x.site.proxy.ServeHTTP(a, out)
}

// statusClientGone is what nginx logs for a client that did not wait.
const statusClientGone = 499

// finish makes the event of an exchange, unless it has been made when its
// response began.
func (n *Node) finish(x *exchange, a *answer) {
	if a.status != 0 {
		x.status = a.status
	}
	x.sent = a.sent
	if x.upstream == 0 && x.backend != "" {
		x.upstream = n.now().Sub(x.asked)
	}
	n.report(x)
}

// report counts an exchange and makes its event, once.
func (n *Node) report(x *exchange) {
	if x.written {
		return
	}
	x.written, x.ended = true, n.now()
	decision := "none"
	if x.judged {
		decision = actionAllow
		if x.decision.Block {
			decision = actionBlock
		}
	}
	n.metrics.requests.WithLabelValues(x.site.name, decision, x.action).Inc()
	if x.reason != "" {
		n.metrics.reasons.WithLabelValues(x.site.name, x.reason).Inc()
	}
	n.metrics.evaluation.WithLabelValues(x.site.name).Observe(x.work.Seconds())
	if n.sink != nil && x.site.wants(x) {
		n.identity.record(x, n.sink)
	}
}

// copyBuffers are the buffers that responses are copied through.
type copyBuffers struct{ pool sync.Pool }

func (p *copyBuffers) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *copyBuffers) Put(b []byte) { p.pool.Put(&b) }

// newProxy makes the way from a site to its upstreams and back.
func newProxy(s *site, buffers *copyBuffers, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { rewrite(s, pr) },
		Transport:      s.backends,
		BufferPool:     buffers,
		ModifyResponse: modifyResponse,
		ErrorHandler:   upstreamFailed,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// rewrite prepares the request to the upstream. The target stays as the client
// wrote it, because that is what was judged.
func rewrite(s *site, pr *httputil.ProxyRequest) {
	x := pr.In.Context().Value(exchangeKey{}).(*exchange)
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
	pr.Out.Trailer = pr.In.Trailer
	pr.Out.Host = pr.In.Host
	if s.config.UpstreamHost != "" {
		pr.Out.Host = s.config.UpstreamHost
	}
	x.forward(pr.In, pr.Out.Header, x.trusted)
	pr.Out.Header.Del("Expect") // the body is being read already
	if s.engine.settings.InspectResponses {
		pr.Out.Header.Del("Accept-Encoding")
	}
}

// modifyResponse sees a response before the client does.
func modifyResponse(resp *http.Response) error {
	x := resp.Request.Context().Value(exchangeKey{}).(*exchange)
	x.upstream = x.node.now().Sub(x.asked)
	resp.Header.Set("X-Request-Id", x.id)
	if x.judged && !x.decision.Block && x.site.engine.settings.InspectResponses && resp.StatusCode != http.StatusSwitchingProtocols {
		if err := x.judgeResponse(resp); err != nil {
			return err
		}
	}
	// These last for as long as the client likes; their event does not wait.
	if resp.StatusCode == http.StatusSwitchingProtocols || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		x.status = resp.StatusCode
		x.node.report(x)
	}
	return nil
}

// errResponseBlocked ends a response that the rules do not let out.
var errResponseBlocked = errors.New("response was blocked by the rules")

// judgeResponse judges the headers of a response and, for the listed media
// types, the first part of its body, which is held back until then.
func (x *exchange) judgeResponse(resp *http.Response) error {
	v := x.evaluation
	before := v.spent
	err := v.guarded(func() error { return v.responseHeaders(resp.StatusCode, resp.Proto, resp.Header) }, nil)
	if err == nil && v.interruption() == nil && v.wantsResponseBody() {
		head, readErr := io.ReadAll(io.LimitReader(resp.Body, x.site.engine.settings.ResponseBodyBytes))
		resp.Body = &spliced{Reader: io.MultiReader(bytes.NewReader(head), errorReader{readErr}, resp.Body), Closer: resp.Body}
		err = v.guarded(func() error { return v.responseBody(head) }, nil)
	}
	x.work += v.spent - before
	if err != nil {
		x.reason = reasonOf(err)
		x.node.log.Error("response could not be judged", slog.String("request", x.id), slog.Any("error", err))
		if x.site.config.OnError == actionBlock && x.site.mode == ModeBlock {
			return errResponseBlocked
		}
		return nil
	}
	x.decision = v.decide()
	if x.decision.Block && x.site.mode == ModeBlock && v.enforced() {
		return errResponseBlocked
	}
	return nil
}

// spliced is a response body whose first part was read ahead.
type spliced struct {
	io.Reader
	io.Closer
}

// errorReader returns an error where a part of a body ended with one.
type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) {
	if r.err == nil {
		return 0, io.EOF
	}
	return 0, r.err
}

// upstreamFailed answers in place of an upstream.
func upstreamFailed(w http.ResponseWriter, r *http.Request, err error) {
	x := r.Context().Value(exchangeKey{}).(*exchange)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errResponseBlocked):
		x.action = actionBlock
		page(w, r, http.StatusForbidden, x.id)
	case errors.As(err, &tooLarge):
		x.action, x.reason = actionBlock, reasonTooLarge
		page(w, r, http.StatusRequestEntityTooLarge, x.id)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		x.reason, x.status = reasonAborted, statusClientGone
	default:
		x.reason = reasonUpstream
		x.node.log.Warn("upstream failed", slog.String("site", x.site.name), slog.String("upstream", x.backend), slog.Any("error", err))
		status := http.StatusBadGateway
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			status = http.StatusGatewayTimeout
		}
		page(w, r, status, x.id)
	}
}
