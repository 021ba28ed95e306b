//go:build !linux

package ingest

import (
	"context"
	"net"
)

// watchDrops does nothing where the kernel does not tell what it dropped.
func (s *Syslog) watchDrops(context.Context, *net.UDPConn) {}
