// Package faults does to the real server what goes wrong in the field, and
// compares what it acknowledged with what it finds afterwards. Every suite has a
// control without the fault that must show no loss, and one that must show loss.
// What runs by default takes about a minute; -kills, -cuts and -flips make it
// longer.
package faults

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out with -short: the tests kill real servers")
		os.Exit(0)
	}
	os.Exit(server.Main(m))
}
