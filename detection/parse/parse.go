// Package parse turns raw records into events, one file per log format. A
// parser is a pure function: no clock, no I/O, no memory between records. What
// a record cannot say of itself comes in a [Context].
package parse

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Version is raised whenever a parser changes what it makes of some input. It
// is written beside every record, so that a replay can tell what is stale.
const Version = 1

// Context is what a record cannot say of itself. It is not changed by parsers
// and may be shared by goroutines. The zero Context is usable.
type Context struct {
	Header   string         // the header line that governs the record (CSV formats), "" if none
	Peer     string         // address of the sender, "" if unknown
	Received int64          // Unix nanoseconds; the year of times without one is found from it
	Zone     *time.Location // of times without a zone; nil is UTC
	Trusted  *Trusted       // proxies whose word about the client is taken; nil trusts none
}

// Parser reads one record into an empty event. Strings of the event may point
// into raw. It sets the time if the record has one and e.Dataset if it is not
// the name the parser is registered under. On an error the event may hold what
// was understood up to there. The error is an [Error] whose reason has few
// possible values, to be counted by.
type Parser func(raw []byte, c *Context, e *event.Event) error

// Format is a registered log format.
type Format struct {
	Name    string
	Summary string // one line for people
	Parse   Parser
	// Header tells whether a line is not a record but the header of those that
	// follow in the same stream; nil if the format has none.
	Header func(line []byte) bool
}

var formats = map[string]*Format{}

// register is called in init by each file of this package.
func register(f Format) {
	if formats[f.Name] != nil {
		panic("parse: format " + f.Name + " is registered twice")
	}
	formats[f.Name] = &f
}

// Lookup returns the format of a name.
func Lookup(name string) (*Format, bool) {
	f, ok := formats[name]
	return f, ok
}

// Formats returns all formats in order of their names.
func Formats() []*Format {
	all := make([]*Format, 0, len(formats))
	for _, f := range formats {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Format) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// Error says why a record could not be read.
type Error struct {
	Reason string // one of few constants, such as "no match" or "bad time"
	Detail string // for people; may quote the record
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.Detail
}

// Reason returns the reason of an error that a parser gave, for counters.
func Reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return "malformed"
}

// Read reads a record with the format into an event that is reset first. The
// event is always usable: it holds the raw bytes and a time (that of reception
// where the record has none), and error.message if an error is returned too.
func (f *Format) Read(raw []byte, c *Context, e *event.Event) error {
	e.Reset()
	e.Raw, e.Received, e.Dataset = raw, c.Received, f.Name
	err := f.Parse(raw, c, e)
	if e.Time == 0 {
		e.Time = c.Received
	}
	if err != nil {
		e.Set(event.ErrorMessage, event.String(fmt.Sprintf("%s: %s", f.Name, err)))
	}
	return err
}
