package segment

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestHostileTemplates seals a block whose texts may be made of its columns in
// more ways than can be looked at: the search ends, and the rows stay what they
// were.
func TestHostileTemplates(t *testing.T) {
	events := make([]event.Event, 64)
	for i := range events {
		e := &events[i]
		e.Time = int64(i + 1)
		for j := range 900 {
			e.AddText(event.Intern(fmt.Sprintf("labels.c%d", j)), fmt.Sprint(i%10))
		}
		for j := range 8 {
			e.AddText(event.Intern(fmt.Sprintf("labels.t%d", j)), strings.Repeat(fmt.Sprint(i%10)+" ", 400)+fmt.Sprintf("%x", i*7919))
		}
	}
	s := new(Sealer)
	sameEvents(t, openSealed(t, s.Seal(build(events))), events)
	if s.derive.work < maxWork/8 || s.derive.work > 2*maxWork {
		t.Errorf("%d steps to find templates", s.derive.work)
	}
}
