package waf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// What ends a response in place of the upstream's.
var (
	errResponseBlocked  = errors.New("response was blocked by the rules")
	errResponseUnjudged = errors.New("response could not be judged")
)

// responseCopies is how often the part of a response body that is judged lies in
// memory: as it was read, and as the variable that the rules see.
const responseCopies = 2

// judgeResponse judges the headers of a response and, for the listed media
// types, the first part of its body, which is held back until then. An error
// takes the place of the response.
func (x *exchange) judgeResponse(resp *http.Response) error {
	v := x.evaluation
	before := v.spent
	err := x.judge.response(x.request.Context(), v, resp)
	if v.abandoned {
		x.work += x.judge.time
	} else {
		x.work += v.spent - before
	}
	if err != nil {
		return x.unjudgedResponse(err)
	}
	x.decision = v.decide()
	if x.decision.Block && x.site.mode == ModeBlock && v.enforced() {
		return errResponseBlocked
	}
	return nil
}

// unjudgedResponse deals with a response that could not be judged. Without an
// error it goes to the client all the same.
func (x *exchange) unjudgedResponse(err error) error {
	if errors.Is(err, errUpstreamStalled) || x.request.Context().Err() != nil {
		return err
	}
	x.reason = reasonOf(err)
	if x.node.unjudged.due(x.node.now()) {
		x.node.log.Error("response could not be judged", slog.String("request", x.id), slog.String("site", x.site.name),
			slog.String("reason", x.reason), slog.Any("error", err))
	}
	// The client's own share is no matter of on_error, or it would be a way past
	// the rules.
	refuse := x.site.config.OnError == actionBlock || errors.Is(err, errShare)
	if errors.Is(err, errBuffer) || refuse && x.site.mode == ModeBlock {
		return errResponseUnjudged
	}
	return nil
}

// response puts a response through the response phases (3 and 4). What it reads
// of the body is put back in front of the rest, also after an error, except
// errBuffer: then some of it is lost.
func (j *judge) response(ctx context.Context, v *evaluation, resp *http.Response) error {
	status, proto, header := resp.StatusCode, resp.Proto, resp.Header.Clone() // the rules may outlast the response
	v.turns = j.light
	err := j.timed(ctx, v, func() error { return v.responseHeaders(status, proto, header) })
	if err != nil || v.interruption() != nil || !v.wantsResponseBody() {
		return err
	}
	length := resp.ContentLength
	if resp.Body == http.NoBody {
		length = 0 // of HEAD it is that of another response
	}
	share := shareOf(v.engine.settings.ResponseBodyBytes, length)
	if err := j.reserve(ctx, v, responseCopies*share); err != nil {
		return err
	}
	if err := j.hold(v, resp); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.turns = j.heavy
	return j.timed(ctx, v, v.responseBody)
}

// hold reads the part of a response body that is judged and puts it back. The
// error of an upstream that breaks off stays where it was.
func (j *judge) hold(v *evaluation, resp *http.Response) error {
	source := &heldBack{body: resp.Body, stall: j.stall}
	began := v.spent
	err := v.guarded(func() error { return v.fillResponse(source) })
	v.spent = began // it was time of the network
	if errors.Is(source.err, errUpstreamStalled) {
		return source.err
	}
	if err != nil && (source.err == nil || !errors.Is(err, source.err)) {
		return errors.Join(errBuffer, err)
	}
	read, err := v.replayResponse()
	if err != nil {
		return errors.Join(errBuffer, err)
	}
	resp.Body = &spliced{Reader: io.MultiReader(read, errorReader{source.err}, resp.Body), Closer: resp.Body}
	return nil
}

// errUpstreamStalled is a timeout in the sense of [net.Error].
var errUpstreamStalled = fmt.Errorf("upstream stands still in a body that is held back: %w", os.ErrDeadlineExceeded)

// heldBack is a response body of which the client sees nothing yet: each read
// has a deadline.
type heldBack struct {
	body  io.ReadCloser
	stall time.Duration
	err   error // that ended the body, besides its end
}

func (h *heldBack) Read(b []byte) (int, error) {
	late := time.AfterFunc(h.stall, func() { _ = h.body.Close() }) // ends the read
	n, err := h.body.Read(b)
	if !late.Stop() {
		err = errUpstreamStalled
	}
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
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
