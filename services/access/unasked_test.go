package access

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// TestUnaskedIsNoUse looks at a session as long calls do: it ends all the same.
func TestUnaskedIsNoUse(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	gate := NewGate(r.tokens, NewFailures(r.c.now), false, slog.New(slog.DiscardHandler)).WithSessions(r.Accounts)
	const method = "/gatewatch.v1.SearchService/Search"
	for _, unasked := range []bool{false, true} {
		call := Caller{Session: r.in("ann"), ReadOnly: true, Unasked: unasked}
		var err error
		for range 4 {
			r.c.advance(r.config.Idle/2 - time.Second)
			_, err = gate.Admit(method, call)
		}
		if ended := errors.Is(err, ErrUnauthenticated); ended != unasked {
			t.Errorf("unasked %v: %v", unasked, err)
		}
	}
}
