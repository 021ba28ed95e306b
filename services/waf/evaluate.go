package waf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// evaluation is one request on its way through the rules. It is used by one
// goroutine at a time and must be released; after that the readers it gave out
// must not be used.
type evaluation struct {
	engine *Engine
	tx     types.Transaction
	state  plugintypes.TransactionState
	spent  time.Duration // in the rules, without waiting for the network
	now    func() time.Time
	log    *slog.Logger
	users  atomic.Int32 // who still use tx; the last to release it closes it
	closed func()       // called once tx is closed, unless nil

	check *checked // whether acceleration would have changed it, nil for no check
	obeys bool     // a context, until tx is closed: others use it then

	// abandoned says that the rules are still at work in another goroutine:
	// nothing but replayed bodies and release may be used any more.
	abandoned bool

	client netip.Addr // whose share it is, zero for nobody's
	turns  *turns     // where its steps wait for their turn
}

// connection is what an evaluation is told about the two ends.
type connection struct {
	client netip.Addr
	port   uint16
	local  netip.AddrPort
}

// errPanic wraps what the engine panicked with.
var errPanic = errors.New("engine panicked")

// begin starts an evaluation. now is the clock that measures it.
func (e *Engine) begin(id string, now func() time.Time, log *slog.Logger) *evaluation {
	tx := e.waf.NewTransactionWithID(id)
	state, _ := tx.(plugintypes.TransactionState)
	v := &evaluation{engine: e, tx: tx, state: state, now: now, log: log}
	if e.sifting.checks.begin(state) {
		v.check = &checked{}
	}
	v.hold()
	return v
}

func (v *evaluation) hold() { v.users.Add(1) }

// release ends one use; the last one frees memory and temporary files.
func (v *evaluation) release() {
	if v.users.Add(-1) > 0 {
		return
	}
	if err := v.close(); err != nil {
		v.log.Warn("close evaluation", slog.String("request", v.tx.ID()), slog.Any("error", err))
	}
	if v.closed != nil {
		v.closed()
	}
}

// guarded runs one step of the engine, measures it, and turns a panic into an
// error.
func (v *evaluation) guarded(step func() error) (err error) {
	began := v.now()
	defer func() {
		v.spent += v.now().Sub(began)
		switch p := recover().(type) {
		case nil:
		case stopped:
			err = p.why
		default:
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
		if err != nil && v.check != nil {
			v.check.undecided = true
		}
	}()
	return step()
}

// headers judges the request line and the headers (phase 1).
func (v *evaluation) headers(c connection, r *http.Request) error {
	tx := v.tx
	if v.check != nil {
		same := r.Clone(context.Background())
		v.noteStep(func(t *evaluation) error { return t.headers(c, same) })
	}
	tx.ProcessConnection(c.client.String(), int(c.port), c.local.Addr().String(), int(c.local.Port()))
	tx.ProcessURI(requestURI(r), r.Method, r.Proto)
	for name, values := range r.Header {
		for _, value := range values {
			tx.AddRequestHeader(name, value)
		}
	}
	if r.Host != "" {
		tx.AddRequestHeader("Host", r.Host)
		tx.SetServerName(r.Host)
	}
	for _, te := range r.TransferEncoding {
		tx.AddRequestHeader("Transfer-Encoding", te)
	}
	tx.ProcessRequestHeaders()
	return nil
}

// requestURI is the target as the client wrote it; of the absolute form that
// proxies may use only what names the resource.
func requestURI(r *http.Request) string {
	if r.URL.IsAbs() || r.RequestURI == "" {
		return r.URL.RequestURI()
	}
	return r.RequestURI
}

// body is a request body in its two parts: what was read to be judged, and what
// is still to come from the client.
type body struct {
	read      int64 // bytes held by the evaluation
	truncated bool  // there is more than was judged
	probe     []byte
}

// processor is how the engine reads the body, known after phase 1.
func (v *evaluation) processor() string {
	if v.state == nil {
		return ""
	}
	return v.state.Variables().RequestBodyProcessor().Get()
}

// judgedLimit is how much of the body is judged. The rules see one of a format
// that they cannot take apart as one long argument.
func (v *evaluation) judgedLimit(form int64) int64 {
	limit := v.engine.settings.RequestBodyBytes
	switch v.processor() {
	case "MULTIPART", "JSON", "XML":
		return limit
	}
	return min(limit, form)
}

// fill reads the part of a request body that is judged. It waits for the
// network and must not be counted as work. The error is that of the client.
func (v *evaluation) fill(r io.Reader, limit int64) (body, error) {
	if !v.tx.IsRequestBodyAccessible() || v.tx.IsInterrupted() {
		return body{}, nil
	}
	var b body
	_, n, err := v.tx.ReadRequestBodyFrom(io.LimitReader(r, limit))
	b.read = int64(n)
	if err != nil || b.read < limit {
		return b, err
	}
	var probe [1]byte
	for {
		n, err := r.Read(probe[:])
		if n == 1 {
			b.truncated, b.probe = true, probe[:]
			v.markTruncated()
			return b, nil
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// markTruncated tells the rules that they see a part of the body only, so that
// a parser that meets its end too early is no reason to block.
func (v *evaluation) markTruncated() {
	if v.check != nil {
		v.check.cut = true
	}
	if v.state == nil {
		return
	}
	if s, ok := v.state.Variables().InboundDataError().(interface{ Set(string) }); ok {
		s.Set("1")
	}
}

// judgeBody evaluates the rules over the request body (phase 2); it is called
// for requests without a body too.
func (v *evaluation) judgeBody() error {
	if v.check != nil {
		v.noteStep(func(t *evaluation) error {
			if err := t.takeBody(v); err != nil {
				return err
			}
			return t.judgeBody()
		})
	}
	_, err := v.tx.ProcessRequestBody()
	return err
}

// replay returns what fill has read, from its start.
func (v *evaluation) replay() (io.Reader, error) { return v.tx.RequestBodyReader() }

// responseHeaders judges the status and headers of a response (phase 3).
func (v *evaluation) responseHeaders(status int, proto string, h http.Header) error {
	if v.check != nil {
		same := h.Clone()
		v.noteStep(func(t *evaluation) error { return t.responseHeaders(status, proto, same) })
	}
	for name, values := range h {
		for _, value := range values {
			v.tx.AddResponseHeader(name, value)
		}
	}
	v.tx.ProcessResponseHeaders(status, proto)
	return nil
}

// wantsResponseBody tells whether the body of the response is to be judged.
func (v *evaluation) wantsResponseBody() bool {
	return v.tx.IsResponseBodyAccessible() && v.tx.IsResponseBodyProcessable()
}

// fillResponse reads the part of a response body that is judged. It waits for
// the network and must not be counted as work.
func (v *evaluation) fillResponse(r io.Reader) error {
	_, _, err := v.tx.ReadResponseBodyFrom(io.LimitReader(r, v.engine.settings.ResponseBodyBytes))
	return err
}

// replayResponse returns what fillResponse has read, from its start.
func (v *evaluation) replayResponse() (io.Reader, error) { return v.tx.ResponseBodyReader() }

// responseBody judges what was read of a response body (phase 4).
func (v *evaluation) responseBody() error {
	if v.check != nil {
		v.noteStep(func(t *evaluation) error {
			if err := t.takeResponse(v); err != nil {
				return err
			}
			return t.responseBody()
		})
	}
	_, err := v.tx.ProcessResponseBody()
	return err
}

// interruption is what the rules want done, nil if nothing. A rule that turned
// enforcement off for this request (ctl:ruleEngine) still judges.
func (v *evaluation) interruption() *types.Interruption {
	if i := v.tx.Interruption(); i != nil {
		return i
	}
	if d, ok := v.tx.(interface {
		DetectionOnlyInterruption() *types.Interruption
	}); ok {
		return d.DetectionOnlyInterruption()
	}
	return nil
}

// enforced tells whether the interruption is meant to be carried out.
func (v *evaluation) enforced() bool { return v.tx.Interruption() != nil }

// score reads a counter of CRS.
func (v *evaluation) score(name string) int {
	if v.state == nil {
		return 0
	}
	values := v.state.Variables().TX().Get(name)
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		return 0
	}
	return n
}

// close frees the transaction. A panic of the engine is contained.
func (v *evaluation) close() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	if v.check != nil {
		v.check.undecided = v.check.undecided || v.abandoned // it may hold its turn until it is closed
		v.engine.sifting.checks.end(v)
	}
	if v.obeys {
		v.engine.sifting.stops.contexts.Delete(v.state)
	}
	return v.tx.Close()
}
