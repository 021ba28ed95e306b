package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
)

func TestSharesOfMemory(t *testing.T) {
	m := newMemory(64 << 20)
	s := &Sink{memory: m}
	take := func(input, sender string) (held int64) {
		for {
			if _, err := s.tryReserve(origin{input, sender}, 64<<10); err != nil {
				return m.byOrigin[origin{input, sender}]
			}
		}
	}
	f := func(input, sender string, low, high int64) {
		t.Helper()
		if held := take(input, sender); held < low<<20 || held > high<<20 {
			t.Errorf("%s %s has %d bytes, want %d to %d MiB", input, sender, held, low, high)
		}
	}
	f("http", "a", 47, 48)
	f("http", "b", 5, 12)
	f("http", "c", 1, 3)
	f("node", "d", 3, 8) // another input has a part of its own
	f("grpc", "e", 1, 3)
	for i := 0; m.used < m.total; i++ {
		take("syslog", fmt.Sprint(i))
	}
	if _, err := s.tryReserve(origin{"node", "z"}, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("more than there is: %v", err)
	}
}

// TestWaitingForMemory shows that one who waits for much does not stop another
// who needs little.
func TestWaitingForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Sink{memory: newMemory(64 << 20)}
		release, err := s.reserve(t.Context(), origin{"http", "a"}, 40<<20)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan func(), 1)
		go func() {
			release, err := s.reserve(t.Context(), origin{"node", "b"}, 1<<30)
			if err != nil {
				t.Error(err)
			}
			got <- release
		}()
		synctest.Wait()
		small, err := s.tryReserve(origin{"syslog", "c"}, 1)
		if err != nil {
			t.Errorf("one byte while another waits: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.reserve(ctx, origin{"node", "d"}, 1<<30); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		small()
		select {
		case <-got:
			t.Error("more than there is")
		default:
		}
		release()
		(<-got)()
		if m := s.memory; m.used != 0 || len(m.byInput) != 0 || len(m.byOrigin) != 0 || len(m.waiting) != 0 {
			t.Errorf("left over: %+v", m)
		}
	})
}

// TestSilentBodies shows that senders that announce large bodies and fall silent
// neither stop other inputs nor are waited for.
func TestSilentBodies(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{})
	byToken := func(_ context.Context, bearer string, _ net.Addr, _ *tls.ConnectionState) (access.Sender, error) {
		return access.Sender{Name: bearer}, nil
	}
	h, err := NewHTTP(s, HTTPConfig{}, byToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /raw/syslog HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 31<<20, bytes.Repeat([]byte("x"), 17<<20)); err != nil {
			break // refused at once
		}
		conns = append(conns, conn)
	}
	if len(conns) == 0 {
		t.Fatal("no body was taken")
	}
	release, err := s.tryReserve(origin{"node", "n"}, 4<<20)
	if err != nil {
		t.Fatalf("a node: %v", err)
	}
	release()
	req, err := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+"/raw/syslog", bytes.NewReader([]byte("<1>x")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer other")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("another sender: %v, %v", resp, err)
	}
	resp.Body.Close()
	_ = conns[0].SetReadDeadline(time.Now().Add(patience))
	if answer, err := io.ReadAll(conns[0]); err != nil || !bytes.Contains(answer, []byte(" 400 ")) {
		t.Errorf("the silent sender got %.40q, %v", answer, err)
	}
	until(t, func() bool { return s.memory.inUse() == 0 })
}
