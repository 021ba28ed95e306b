package console

import (
	"flag"
	"strconv"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var wallTime = flag.Duration("wall", 0, "how long each wall screen is shown to see whether it grows; 0 sends it 200 states as fast as it shows them")

// TestWall looks at the screens on a wall over states that are made up, hostile ones
// and a server that goes away.
func TestWall(t *testing.T) {
	s := server.Start(t, t.TempDir())
	look(t, s, "wall.mjs", strconv.FormatInt(int64(*wallTime/time.Millisecond), 10))
}
