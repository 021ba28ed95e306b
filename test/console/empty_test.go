package console

import (
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// TestEmpty looks at every screen of the console and the wall of a server on which
// nothing has happened, and again after one event.
func TestEmpty(t *testing.T) {
	s := server.Start(t, t.TempDir())
	look(t, s, "empty.mjs", s.Token, hostileRecords(time.Now())[0])
}
