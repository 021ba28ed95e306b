package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

// HTTPConfig is how the HTTP inputs behave. The zero value is the default.
type HTTPConfig struct {
	// ElasticVersion: shippers refuse one older than their own.
	ElasticVersion string        `help:"version of Elasticsearch that shippers are told"`
	MaxBodyBytes   int           `help:"size of a request after decompression"`
	MaxItems       int           `help:"documents of one bulk request"`
	MaxConnections int           `help:"connections of the ingest listener at once"`
	MaxPerPeer     int           `help:"connections of one address at once"`
	BodyTimeout    time.Duration `help:"how long a request may take to arrive"`
}

// WithDefaults fills in zero fields.
func (c HTTPConfig) WithDefaults() HTTPConfig {
	if c.ElasticVersion == "" {
		c.ElasticVersion = "8.19.0"
	}
	orInt(&c.MaxBodyBytes, 32<<20)
	orInt(&c.MaxItems, 100_000)
	orInt(&c.MaxConnections, 1024)
	orInt(&c.MaxPerPeer, 256)
	orInt(&c.BodyTimeout, 2*time.Minute)
	return c
}

var versionForm = regexp.MustCompile(`^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$`)

// Validate names the key that is wrong.
func (c HTTPConfig) Validate() error {
	if !versionForm.MatchString(c.ElasticVersion) {
		return fmt.Errorf("elastic_version: %q is not like 8.19.0", c.ElasticVersion)
	}
	// The queue takes at most 64 MiB at once.
	if c.MaxBodyBytes < 1024 || c.MaxBodyBytes > 48<<20 {
		return fmt.Errorf("max_body_bytes: %d is not between 1 KiB and 48 MiB", c.MaxBodyBytes)
	}
	if c.MaxItems < 1 || c.MaxItems > 200_000 {
		return fmt.Errorf("max_items: %d is not between 1 and 200000", c.MaxItems)
	}
	if c.MaxConnections < 1 || c.MaxPerPeer < 1 || c.BodyTimeout < 0 {
		return errors.New("max_connections, max_per_peer, body_timeout: out of range")
	}
	return nil
}

// HTTP is the HTTP inputs: the bulk interface of Elasticsearch with what
// shippers ask before they use it, and raw lines.
type HTTP struct {
	sink *Sink
	cfg  HTTPConfig
	auth Authenticator
	log  *slog.Logger
}

// NewHTTP makes the inputs. A nil auth is [LoopbackOnly], a nil log discards.
func NewHTTP(sink *Sink, cfg HTTPConfig, auth Authenticator, log *slog.Logger) (*HTTP, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure http inputs: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &HTTP{sink: sink, cfg: cfg, auth: orLoopback(auth), log: log}, nil
}

// answerTimeout is how long a sender may take to read its answer, for which
// memory is reserved, on top of BodyTimeout.
const answerTimeout = 30 * time.Second

// shutdownTime is how long requests under way may take when the server stops.
const shutdownTime = 10 * time.Second

// Serve answers requests from l, which may be a TLS listener, until ctx ends;
// then requests under way are finished. An error is that of l.
func (h *HTTP) Serve(ctx context.Context, l net.Listener) error {
	places := newAdmission[netip.Addr](h.cfg.MaxConnections, h.cfg.MaxPerPeer)
	server := &http.Server{
		ConnState:         h.bound(places),
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if server.Shutdown(late) != nil {
			_ = server.Close() // the requests that are left were given their time
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve http inputs: %w", err)
}

// bound closes connections for which there is no place.
func (h *HTTP) bound(places *admission[netip.Addr]) func(net.Conn, http.ConnState) {
	var mu sync.Mutex
	admitted := map[net.Conn]netip.Addr{}
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			from := access.PeerAddr(conn.RemoteAddr())
			if !places.enter(from) {
				h.sink.Refuse("http", ReasonOverload, 1)
				conn.Close()
				return
			}
			mu.Lock()
			admitted[conn] = from
			mu.Unlock()
		case http.StateClosed, http.StateHijacked:
			mu.Lock()
			from, ok := admitted[conn]
			delete(admitted, conn)
			mu.Unlock()
			if ok {
				places.leave(from)
			}
		}
	}
}

// call is one request with what is known of its sender.
type call struct {
	*HTTP
	w    http.ResponseWriter
	r    *http.Request
	from access.Sender
	peer netip.Addr
}

// refusal is an answer other than success. It is written in the form of
// Elasticsearch, which is JSON with a reason for everybody else.
type refusal struct {
	status int
	kind   string // the error type that shippers know
	reason string
	count  Reason // to count by, "" if no record was refused
}

// ServeHTTP implements [http.Handler].
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == "/healthz" {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	}
	c := &call{HTTP: h, w: w, r: r}
	rc, limit := http.NewResponseController(w), time.Now().Add(h.cfg.BodyTimeout)
	_ = rc.SetReadDeadline(limit)                     // not all writers can
	_ = rc.SetWriteDeadline(limit.Add(answerTimeout)) // likewise
	if refused := c.admit(); refused != nil {
		c.refuse("http", refused)
		return
	}
	path, err := segments(r.URL.EscapedPath())
	if err != nil {
		c.refuse("http", &refusal{http.StatusBadRequest, "illegal_argument_exception", err.Error(), ""})
		return
	}
	c.route(path)
}

// admit checks who sends. A page in somebody's browser must not be able to write
// records by way of the loopback address.
func (c *call) admit() *refusal {
	if c.r.Header.Get("Origin") != "" || strings.HasPrefix(c.r.Header.Get("Sec-Fetch-Site"), "cross") {
		return &refusal{http.StatusForbidden, "security_exception", "records are not taken from web pages", ReasonAuth}
	}
	var err error
	if c.from, c.peer, err = httpSender(c.r, c.auth); err != nil {
		c.log.Debug("sender refused", "peer", c.peer, "err", err)
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="gatewatch"`)
		return &refusal{
			http.StatusUnauthorized, "security_exception",
			"a source token is needed: Authorization: Bearer TOKEN, or the token as password or API key", ReasonAuth,
		}
	}
	return nil
}

// segments splits a path and unescapes each part, so that an escaped slash is
// part of a name.
func segments(escaped string) ([]string, error) {
	var path []string
	for part := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		name, err := url.PathUnescape(part)
		if err != nil {
			return nil, errors.New("path is not escaped well")
		}
		path = append(path, name)
		if len(path) > 8 {
			return nil, errors.New("path has too many parts")
		}
	}
	return path, nil
}

func (c *call) route(path []string) {
	last := len(path) - 1
	switch {
	case path[last] == "_bulk" && last <= 2:
		index := ""
		if last > 0 {
			index = path[0]
		}
		c.only(func() { c.bulk(index) }, http.MethodPost, http.MethodPut)
	case path[0] == "raw" && last == 1:
		c.only(func() { c.raw(path[1]) }, http.MethodPost, http.MethodPut)
	default:
		c.handshake(path)
	}
}

// only runs f if the method is one of those allowed.
func (c *call) only(f func(), methods ...string) {
	for _, m := range methods {
		if c.r.Method == m {
			f()
			return
		}
	}
	c.w.Header().Set("Allow", strings.Join(methods, ", "))
	c.refuse("http", &refusal{
		http.StatusMethodNotAllowed, "method_not_allowed",
		fmt.Sprintf("method %.16q is not one of %s", c.r.Method, strings.Join(methods, ", ")), "",
	})
}

// refuse counts and writes a refusal.
func (c *call) refuse(source string, f *refusal) {
	if f.count != "" {
		c.sink.Refuse(source, f.count, 1)
	}
	if f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "1")
	}
	cause := map[string]string{"type": f.kind, "reason": f.reason}
	writeJSON(c.w, f.status, map[string]any{
		"error": map[string]any{
			"root_cause": []any{cause}, "type": f.kind, "reason": f.reason,
		},
		"status": f.status,
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{}`)
	}
	writeBody(w, status, "application/json", append(body, '\n'))
}

func writeBody(w http.ResponseWriter, status int, mime string, body []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// laterText tells a sender why its records are to be sent again later.
func laterText(err error) string {
	switch {
	case errors.Is(err, queue.ErrNoSpace):
		return "the disk of the server is short of free space, try again later"
	case errors.Is(err, queue.ErrFull):
		return "the queue of the server is full, try again later"
	}
	return "the server is busy, try again later"
}

// unstored is the refusal of a whole request of which nothing was stored.
func unstored(err error) *refusal {
	switch reason := reasonOf(err); reason {
	case ReasonFull, ReasonBusy:
		return &refusal{http.StatusTooManyRequests, "es_rejected_execution_exception", laterText(err), reason}
	case ReasonTooLarge:
		return &refusal{http.StatusRequestEntityTooLarge, "content_too_large_exception", "the request is too large", reason}
	default:
		return &refusal{http.StatusServiceUnavailable, "unavailable_shards_exception", "the records could not be stored, try again later", reason}
	}
}
