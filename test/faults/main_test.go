// Package faults does to the real server what goes wrong in the field, and
// compares what it acknowledged with what it finds afterwards. Every suite has a
// control without the fault that must show no loss, and one that must show loss.
package faults

import (
	"os"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }
