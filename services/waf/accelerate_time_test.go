package waf

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza/v3/types"
)

// TestSieveIsInTime holds that the sieve looks at the time at least once for every
// 16 KiB of values, and that one which is stopped leaves nothing behind.
func TestSieveIsInTime(t *testing.T) {
	e, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const values = 64
	body := strings.TrimSuffix(strings.Repeat("abcdefgh"+strings.Repeat("x", 1<<10)+"=1&", values), "&")
	for i := range values {
		body = strings.Replace(body, "abcdefgh", "p"+string(rune('0'+i)), 1)
	}
	v := e.begin("r", time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	err = v.guarded(func() error {
		return v.corpus(benchRequest("POST", "/", "application/x-www-form-urlencoded", body))
	})
	if err != nil {
		t.Fatal(err)
	}
	sift := func(tick func()) (dropped int) {
		e.sifting.sieve.Sift(types.PhaseRequestBody, v.state, tick, func(first, last int) { dropped += last - first + 1 })
		return dropped
	}
	ticks := 0
	want := sift(func() { ticks++ })
	if ticks < values/16 || want == 0 {
		t.Errorf("%d ticks, %d rules left out", ticks, want)
	}
	err = v.guarded(func() error {
		sift(func() { panic(stopped{errTime}) })
		return nil
	})
	if !errors.Is(err, errTime) {
		t.Errorf("stopped: %v", err)
	}
	if got := sift(func() {}); got != want {
		t.Errorf("after the one that was stopped %d ids are left out, not %d", got, want)
	}
}
