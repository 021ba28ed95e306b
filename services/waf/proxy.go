package waf

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

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
	pr.Out.Trailer = nil
	pr.Out.Header.Del("Trailer")
	if s.config.Request.ClientTrailers {
		passTrailers(pr.In, pr.Out)
	}
	pr.Out.Host = pr.In.Host
	if s.config.UpstreamHost != "" {
		pr.Out.Host = s.config.UpstreamHost
	}
	if dropUpgrade(pr.In, pr.Out.Header) {
		x.reason = reasonUpgrade
	}
	dropClaims(pr.Out.Header, x.trusted.Has(x.hop))
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
	x.answered(resp)
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

// upstreamFailed answers in place of an upstream.
func upstreamFailed(w http.ResponseWriter, r *http.Request, err error) {
	x := r.Context().Value(exchangeKey{}).(*exchange)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errResponseBlocked):
		x.action = actionBlock
		page(w, r, http.StatusForbidden, x.id)
	case errors.Is(err, errResponseUnjudged):
		x.action = actionBlock
		page(w, r, http.StatusServiceUnavailable, x.id)
	case errors.As(err, &tooLarge):
		x.action, x.reason = actionBlock, reasonTooLarge
		page(w, r, http.StatusRequestEntityTooLarge, x.id)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		x.reason, x.status = reasonAborted, statusClientGone
	default:
		x.reason = reasonUpstream
		if x.node.upstreams.due(x.node.now()) {
			x.node.log.Warn("upstream failed", slog.String("site", x.site.name), slog.String("upstream", x.backend), slog.Any("error", err))
		}
		status := http.StatusBadGateway
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			status = http.StatusGatewayTimeout
		}
		page(w, r, status, x.id)
	}
}
