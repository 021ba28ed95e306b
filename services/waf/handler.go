package waf

import (
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// ServeHTTP serves one request: it finds the site, has the request judged,
// answers it or passes it on, and makes the event of it.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := n.now()
	st := n.state.Load()
	n.metrics.inflight.Inc()
	defer n.metrics.inflight.Dec()
	x := &exchange{request: r, uri: requestURI(r), started: now, action: actionAllow, node: n}
	x.locate(r, st)
	x.name(r, st.trusted)
	if x.client.Addr() != x.hop || !st.trusted.Has(x.hop) {
		x.payer = clientKey(x.client.Addr())
	}
	a := newAnswer(w, st.limits.StallTimeout)
	defer n.finish(x, a)
	if x.site = st.router.find(r.Host).of(x.client.Addr()); x.site == nil {
		x.site = nowhere
		x.refuse(a, http.StatusMisdirectedRequest, reasonHost)
		return
	}
	var payload *paced
	if r.Body != nil && r.Body != http.NoBody {
		source := r.Body
		if limit := x.site.config.MaxBodyBytes; limit > 0 {
			source = http.MaxBytesReader(w, source, limit)
		}
		length := r.ContentLength
		if len(r.Trailer) > 0 { // which come with the end
			length = -1
		}
		payload = &paced{body: source, length: length, control: a.control, idle: st.limits.StallTimeout, count: &x.received}
	}
	if limit := x.site.config.MaxBodyBytes; limit > 0 && r.ContentLength > limit {
		x.refuse(a, http.StatusRequestEntityTooLarge, reasonTooLarge)
		return
	}
	x.seesSession()
	x.serve(a, st, payload)
}

// serve judges the request and does what follows from it.
func (x *exchange) serve(a *answer, st *state, payload *paced) {
	v := x.site.engine.begin(x.id, x.node.now, x.node.log)
	x.evaluation = v
	again, filled, err := st.judge.run(x, v, payload)
	defer func() {
		x.note(a)
		x.weigh()
		x.keep(st.judge.time)
		x.beside()
		again.detach()
		x.evaluation = nil
		v.release()
	}()
	if filled.truncated {
		x.reason = reasonOverLimit
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
		x.retried()
		if x.stops(a) {
			return
		}
	}
	x.pass(a, st, again, payload != nil)
}

// stops carries out a decision to block. It reports whether the request ends
// here.
func (x *exchange) stops(a *answer) bool {
	if !x.decision.Block || x.site.mode != ModeBlock || !x.evaluation.enforced() {
		return false
	}
	x.action = actionBlock
	x.answerBlocked(a)
	return true
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
	var bound *boundError
	blocking := x.site.mode == ModeBlock
	switch {
	case errors.As(err, &bound):
		return !x.turnedAway(a, blocking, bound.status, reason)
	case reason == reasonShare: // whatever on_error says, or it would be a way past the rules
		return !x.turnedAway(a, blocking, http.StatusTooManyRequests, reason)
	}
	switch reason {
	case reasonSlow:
		x.refuse(a, http.StatusRequestTimeout, reason)
		return false
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
	if x.node.unjudged.due(x.node.now()) {
		x.node.log.Error("request could not be judged", slog.String("request", x.id), slog.String("site", x.site.name),
			slog.String("reason", reason), slog.Any("error", err))
	}
	if errors.Is(err, errBuffer) || x.site.config.OnError == actionBlock && blocking {
		x.refuse(a, http.StatusServiceUnavailable, reason)
		return false
	}
	x.reason = reason
	return true
}

// turnedAway refuses a request that asks for more than it may, unless nothing is
// blocked. It reports whether it did.
func (x *exchange) turnedAway(a *answer, blocking bool, status int, reason string) bool {
	x.reason = reason
	if blocking {
		x.refuse(a, status, reason)
	}
	return blocking
}

// refuse answers a request that the node itself does not let pass.
func (x *exchange) refuse(a *answer, status int, reason string) {
	x.action, x.reason = actionBlock, reason
	page(a, x.request, status, x.id)
}

// pass sends the request to an upstream and its response to the client.
func (x *exchange) pass(a *answer, st *state, again *replayed, hasBody bool) {
	out := x.request.WithContext(withExchange(x.request.Context(), x))
	if hasBody {
		out.Body = again
	}
	x.trusted, x.judge = st.trusted, st.judge
	x.asked = x.node.now()
	x.site.proxy.ServeHTTP(a, out)
}

// unwantedTime is how long a client may go on to send a body after its request
// has been answered.
const unwantedTime = 2 * time.Second

// statusClientGone is what nginx logs for a client that did not wait.
const statusClientGone = 499

// finish makes the event of an exchange, unless it has been made when its
// response began, and bounds the last write.
func (n *Node) finish(x *exchange, a *answer) {
	if a.status != http.StatusSwitchingProtocols {
		a.limit(a.idle) // for what the server still holds
		// The server reads on in a body that nobody wants, before it answers.
		_ = a.control.SetReadDeadline(time.Now().Add(unwantedTime))
	}
	x.note(a)
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
	x.weigh()
	x.written, x.ended = true, n.now()
	n.count(x)
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
