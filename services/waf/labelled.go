package waf

import (
	"io"

	"github.com/corazawaf/coraza/v3/debuglog"
)

// labelled is a debug log of Coraza that writes its fields once there is something to
// say, which there hardly ever is. Coraza's own writes them for each chain of rules
// that it looks at.
type labelled struct {
	debuglog.Logger
	before *labelled // whose fields come first
	fields []debuglog.ContextField
}

// With returns a log with more fields. It keeps the slice.
func (l labelled) With(fields ...debuglog.ContextField) debuglog.Logger {
	return labelled{l.Logger, &l, fields}
}

func (l labelled) WithOutput(w io.Writer) debuglog.Logger {
	l.Logger = l.Logger.WithOutput(w)
	return l
}

func (l labelled) WithLevel(level debuglog.Level) debuglog.Logger {
	l.Logger = l.Logger.WithLevel(level)
	return l
}

func (l labelled) Trace() debuglog.Event { return l.label(l.Logger.Trace()) }
func (l labelled) Debug() debuglog.Event { return l.label(l.Logger.Debug()) }
func (l labelled) Info() debuglog.Event  { return l.label(l.Logger.Info()) }
func (l labelled) Warn() debuglog.Event  { return l.label(l.Logger.Warn()) }
func (l labelled) Error() debuglog.Event { return l.label(l.Logger.Error()) }

func (l *labelled) label(e debuglog.Event) debuglog.Event {
	if !e.IsEnabled() {
		return e
	}
	if l.before != nil {
		e = l.before.label(e)
	}
	for _, field := range l.fields {
		e = field(e)
	}
	return e
}
