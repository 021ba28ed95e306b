package waf

import (
	"bytes"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/debuglog"
)

// TestLabelledLog writes the same to a log of Coraza with and without its labels put
// off, at all levels.
func TestLabelledLog(t *testing.T) {
	write := func(l debuglog.Logger) string {
		var out bytes.Buffer
		l = l.WithOutput(&out)
		l.Info().Msg("plain")
		tx := l.With(debuglog.Str("tx_id", "a"), debuglog.Int("n", 1))
		tx.Warn().Bool("b", true).Msg("first")
		rule := tx.With(debuglog.Int("rule_id", 7))
		tx.Debug().Str("x", "y").Msg("unseen")
		rule.WithLevel(debuglog.LevelTrace).Trace().Msg("seen")
		tx.With(debuglog.Str("other", "z")).Error().Msg("second")
		rule.Info().Msg("third")
		var lines []string
		for line := range strings.Lines(out.String()) {
			_, rest, _ := strings.Cut(line, " [") // behind the time
			lines = append(lines, rest)
		}
		return strings.Join(lines, "")
	}
	got, want := write(labelled{Logger: debuglog.Default()}), write(debuglog.Default())
	if got != want || strings.Count(got, "\n") != 5 {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
