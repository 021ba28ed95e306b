package waf

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// CorpusSettings are the settings under which requests of a corpus are judged
// (DESIGN section 7, waf score): those that Coraza and CRS recommend, paranoia
// 1, threshold 5, no responses.
func CorpusSettings() Settings {
	return Settings{RequestBodyBytes: recommendedBody, AllowManyArguments: true}
}

// CompileWith compiles the rules with directives before all of CRS, as
// exclusions by ctl have to stand.
func CompileWith(s Settings, directives string) (*Engine, error) {
	return compile(s, directives)
}

// recommendedBody is SecRequestBodyLimit of coraza.conf-recommended, over which
// it refuses a request.
const recommendedBody = 13107200

// JudgeRequest evaluates the request phases over a request that was kept. The
// decision is the one that block mode would make. It may be called by any
// number of goroutines; a panic of the engine comes back as an error. Large bodies
// take minutes at high levels: when ctx ends the rules stop between two of them, there
// is no decision, and the error is the cause of ctx.
func (e *Engine) JudgeRequest(ctx context.Context, r *verdict.Request) (d Decision, err error) {
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	v := e.begin(r.ID, time.Now, slog.New(slog.DiscardHandler))
	v.obey(ctx)
	err = v.guarded(func() error { return v.corpus(r) })
	if err == nil {
		d = v.decide()
		if len(r.Body) > recommendedBody {
			d.Block = true
		}
	}
	v.release()
	return d, err
}

// corpus puts a kept request through phases 1 and 2.
func (v *evaluation) corpus(r *verdict.Request) error {
	tx := v.tx
	if v.corpusHeaders(r); tx.IsInterrupted() {
		return nil
	}
	if len(r.Body) > 0 {
		if _, _, err := tx.WriteRequestBody(r.Body[:min(len(r.Body), recommendedBody)]); err != nil {
			return fmt.Errorf("give body to the rules: %w", err)
		}
	}
	return v.judgeBody()
}

// corpusHeaders is phase 1.
func (v *evaluation) corpusHeaders(r *verdict.Request) {
	if v.check != nil {
		v.noteStep(func(t *evaluation) error {
			t.corpusHeaders(r)
			return nil
		})
	}
	tx := v.tx
	tx.ProcessConnection("192.0.2.1", 12345, "192.0.2.2", 80)
	tx.ProcessURI(r.URI, r.Method, r.Proto)
	for _, h := range r.Headers {
		tx.AddRequestHeader(h[0], h[1])
		if strings.EqualFold(h[0], "Host") {
			tx.SetServerName(h[1])
		}
	}
	tx.ProcessRequestHeaders()
}
