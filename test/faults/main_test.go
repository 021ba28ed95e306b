// Package faults does to the real server what goes wrong in the field, and
// compares what it acknowledged with what it finds afterwards. Every suite has a
// control without the fault that must show no loss, and one that must show loss.
// What runs by default takes about a minute; -kills, -cuts and -flips make it
// longer.
package faults

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

var seed = flag.Uint64("seed", rand.Uint64(), "what the moments and places of the faults follow from")

// random is the randomness of a test, which its log lets anybody repeat.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("-seed %d", *seed)
	return rand.New(rand.NewPCG(*seed, 0))
}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out with -short: the tests kill real servers")
		os.Exit(0)
	}
	os.Exit(server.Main(m))
}
