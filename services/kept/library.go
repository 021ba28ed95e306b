package kept

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Query names copies. The zero value names all.
type Query struct {
	// Filter is in the query language, over what a copy is found by; without pipes.
	Filter   string
	Now      time.Time // what now means in Filter; zero is the time of the call
	ID, Node string    // of the request, and of the node that kept it; "" is any
	From, To time.Time // From <= time < To; a zero time is no bound

	PageSize  int    // 0 for all
	PageToken string // [Page.Next] of the page before
}

// Page says how a listing ended.
type Page struct {
	Next       string   // token of the page behind this one, "" if there is none
	Unreadable int      // copies that cannot be opened, which are left out
	Partial    []string // why events may be missing; empty if none are
}

// FindFunc yields the events of the stream of copies that a query names, newest
// first, each valid during the call.
type FindFunc func(ctx context.Context, q Query, yield func(*event.Event) error) (Page, error)

// Library reads the copies of a store. Whoever calls it has to ask whether they
// may be read, and to write into the audit log that they are. Its methods may be
// called concurrently.
type Library struct {
	Find FindFunc
	Ring func() (*vault.Ring, error) // nil ring: no copy can be opened
}

// ErrNotFound means that there is no such copy, or none any more.
var ErrNotFound = errors.New("no copy of this request is kept")

// IsGone tells whether an error is of a copy that cannot be opened: it is damaged,
// or there is no key to it any more.
func IsGone(err error) bool {
	return errors.Is(err, ErrUnreadable) || errors.Is(err, vault.ErrUnknownKey) || errors.Is(err, vault.ErrNoMaster)
}

// Each yields the copies that a query names, newest first. An error that yield
// returns ends it and is returned.
func (l *Library) Each(ctx context.Context, q Query, yield func(*Copy) error) (Page, error) {
	ring, err := l.Ring()
	if err != nil {
		return Page{}, err
	}
	unreadable := 0
	page, err := l.Find(ctx, q, func(e *event.Event) error {
		c, err := Open(ring, e)
		switch {
		case IsGone(err):
			unreadable++
			return nil
		case err != nil:
			return err
		}
		return yield(&c)
	})
	page.Unreadable = unreadable
	return page, err
}

// Get returns the copy of a request by its http.request.id. source is the node
// that kept it; "" takes the newest of any node.
func (l *Library) Get(ctx context.Context, source, id string) (Copy, error) {
	ring, err := l.Ring()
	if err != nil {
		return Copy{}, err
	}
	found := Copy{}
	why := fmt.Errorf("request %q: %w", id, ErrNotFound)
	_, err = l.Find(ctx, Query{ID: id, Node: source, PageSize: maxSame}, func(e *event.Event) error {
		if e.Get(event.HTTPRequestID).Text() != id || why == nil {
			return nil // queries do not tell upper and lower case apart
		}
		var opened error
		if found, opened = Open(ring, e); opened == nil {
			why = nil
		} else if errors.Is(why, ErrNotFound) {
			why = fmt.Errorf("request %q: %w", id, opened)
		}
		return nil
	})
	if err != nil {
		return Copy{}, err
	}
	return found, why
}

// maxSame bounds how many copies of one id are looked at: an id that a proxy gives
// need not be unique.
const maxSame = 64
