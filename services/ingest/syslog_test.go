package ingest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

// frame splits a stream that arrives in pieces of the given size.
func frame(stream string, piece, limit int) (messages []string, cut int64) {
	f := syslogFrames{max: limit}
	var buf []byte
	take := func(end bool) {
		for {
			m, used := f.next(buf, end)
			if used == 0 {
				return
			}
			cut += f.cutOff()
			if len(m) > 0 {
				messages = append(messages, string(m))
			}
			buf = buf[used:]
		}
	}
	for len(stream) > 0 {
		n := min(piece, len(stream))
		buf = append(buf, stream[:n]...)
		stream = stream[n:]
		take(false)
	}
	take(true)
	return messages, cut
}

func TestSyslogFrames(t *testing.T) {
	f := func(stream string, cut int64, want ...string) {
		t.Helper()
		for _, piece := range []int{1, 2, 3, 7, len(stream) + 1} {
			got, gotCut := frame(stream, piece, 20)
			if diff := cmp.Diff(want, got); diff != "" || cut != gotCut {
				t.Errorf("%q in pieces of %d: cut %d, want %d; messages %s", stream, piece, gotCut, cut, diff)
			}
		}
	}
	f("<1>a\n<2>b\r\n\n\n<3>c", 0, "<1>a", "<2>b", "<3>c")
	f("4 <1>a5 <2>bb", 0, "<1>a", "<2>bb")
	f("5 <1>a\n6 <2>b\r\n", 0, "<1>a", "<2>b") // a line break that is counted is still none of the message
	f("7 <1>a\nbc4 <2>d", 0, "<1>a\nbc", "<2>d")
	f("4 <1>a\n5 <2>bb\r\n4 <3>c", 0, "<1>a", "<2>bb", "<3>c")
	f("9 <1>short", 0, "<1>short")
	f("12 <1>short", 0, "<1>short")
	// Counts that are none are text, and nothing of them is lost.
	f("4294967295 <1>a\n", 0, "4294967295 <1>a")
	f("99999999999 <1>a\n", 0, "99999999999 <1>a")
	f("-5 <1>a\n", 0, "-5 <1>a")
	f("004 <1>a\n", 0, "004 <1>a")
	f("0 <1>a\n", 0, "0 <1>a")
	f("2026-11-21 text\n", 0, "2026-11-21 text")
	f("12 monkeys\n", 0, "12 monkeys")
	f("12", 0, "12")
	f("12 ", 0, "12 ")
	// What is over the limit is cut and counted.
	f("<1>45678901234567890\n<2>b\n", 0, "<1>45678901234567890", "<2>b")
	f("<1>45678901234567890XYZ\r\n<2>b\n", 4, "<1>45678901234567890", "<2>b")
	f("<1>45678901234567890XYZ", 3, "<1>45678901234567890")
	f("25 <1>45678901234567890XY\nZZ4 <2>b", 5, "<1>45678901234567890", "<2>b")
	// A count after a line can't hide what follows.
	f("<1>a\n1000 <9>forged\n<2>b\n", 0, "<1>a", "1000 <9>forged", "<2>b")
	f("<1>a\n15 <9>x\n<2>b\n<3>c\n", 0, "<1>a", "15 <9>x", "<2>b", "<3>c")
	f("4 <1>a<2>line\n4 <3>c", 0, "<1>a", "<2>line", "4 <3>c")
	f("\x00\xff<1>\n<999>x\n<-1>y\n", 0, "\x00\xff<1>", "<999>x", "<-1>y")
}

func FuzzSyslogFrames(f *testing.F) {
	f.Add("4 <1>a<2>b\n", 3)
	f.Add("25 <1>45678901234567890XY\nZZ4 <2>b", 1)
	f.Add("<1>45678901234567890XYZ\r\n12 ", 2)
	f.Fuzz(func(t *testing.T, stream string, piece int) {
		if piece <= 0 || piece > 1<<20 {
			piece = 1
		}
		whole, cut := frame(stream, len(stream)+1, 20)
		parts, partCut := frame(stream, piece, 20)
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Fatalf("pieces of %d give other messages: %s", piece, diff)
		}
		total := cut
		for _, m := range whole {
			if len(m) > 20 {
				t.Fatalf("message of %d bytes", len(m))
			}
			total += int64(len(m))
		}
		if total > int64(len(stream)) || cut != partCut {
			t.Fatalf("%d bytes come out of %d; cut %d or %d", total, len(stream), cut, partCut)
		}
	})
}

// listener is a Syslog that serves TCP and UDP until stop.
type listener struct {
	tcp, udp string
	stop     func()
}

func listenSyslog(t testing.TB, s *Sink, cfg SyslogConfig, auth Authenticator, secure *tls.Config) listener {
	t.Helper()
	in, err := NewSyslog(s, cfg, auth, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	run := func(name string, serve func() error) {
		work.Go(func() {
			if err := serve(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	run("tcp", func() error { return in.ServeTCP(ctx, l) })
	run("udp", func() error { return in.ServeUDP(ctx, u) })
	stop := sync.OnceFunc(func() { cancel(); work.Wait() })
	t.Cleanup(stop)
	return listener{addr, u.LocalAddr().String(), stop}
}

func dial(t testing.TB, network, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func TestSyslogOverTCPAndUDP(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	l := listenSyslog(t, s, SyslogConfig{Sources: map[string]SyslogSource{
		"wide": {Networks: []string{"127.0.0.0/8"}, Format: "auto"},
		"edge": {Networks: []string{"127.0.0.1"}},
	}}, nil, nil)
	a, b, u := dial(t, "tcp", l.tcp), dial(t, "tcp", l.tcp), dial(t, "udp", l.udp)
	send(t, a, "<1>one\n<2>two\n<3>no line break")
	send(t, b, "7 <4>four")
	send(t, u, "<5>five\n<6>still five\n")
	log.wait(t, 4)
	a.Close()
	groups := log.wait(t, 5)
	for _, g := range groups {
		if g.Source != "edge" || g.Format != "syslog" || g.Peer != "127.0.0.1" || g.Epoch != s.receiver {
			t.Errorf("envelope: %+v", g)
		}
	}
	got := map[string]bool{}
	for _, m := range lines(groups) {
		got[m] = true
	}
	want := map[string]bool{
		"<1>one": true, "<2>two": true, "<3>no line break": true, "<4>four": true, "<5>five\n<6>still five": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStopStoresWhatWasSent(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	l := listenSyslog(t, s, SyslogConfig{FlushDelay: time.Hour}, nil, nil)
	c, u := dial(t, "tcp", l.tcp), dial(t, "udp", l.udp)
	const n = 200 // which the smallest receive buffer holds
	for i := range n {
		send(t, c, fmt.Sprintf("<1>message %d\n", i))
		send(t, u, fmt.Sprintf("<2>datagram %d", i))
	}
	send(t, c, "<1>unfinished")
	l.stop()
	if got := len(lines(log.all())); got != 2*n+1 {
		t.Errorf("%d messages are stored, want %d", got, 2*n+1)
	}
}

func TestFullQueueHoldsUpTCPAndDropsUDP(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	l := listenSyslog(t, s, SyslogConfig{}, nil, nil)
	log.setFail(queue.ErrFull)
	u := dial(t, "udp", l.udp)
	send(t, u, "<1>datagram")
	until(t, func() bool {
		for _, c := range s.Sources() {
			if c.Refused[ReasonFull] == 1 {
				return true
			}
		}
		return false
	})
	c := dial(t, "tcp", l.tcp)
	send(t, c, "<1>one\n")
	until(t, func() bool { log.mu.Lock(); defer log.mu.Unlock(); return log.appends >= 2 })
	log.setFail(nil)
	if diff := cmp.Diff([]string{"<1>one"}, lines(log.wait(t, 1))); diff != "" {
		t.Error(diff)
	}
	if n := counts(t, s, "syslog").Refused[ReasonFull]; n != 1 {
		t.Errorf("%d refused, want only the datagram", n)
	}
}

// until waits for a condition that another goroutine brings about, and leaves it
// the processor.
func until(t testing.TB, cond func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); !cond(); <-look.C {
		if time.Now().After(end) {
			t.Fatal("condition did not come true")
		}
	}
}

func TestHostileSyslogSenders(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	l := listenSyslog(t, s, SyslogConfig{MaxPerPeer: 4}, nil, nil)

	// 64 MiB without a line break take no memory.
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := dial(t, "tcp", l.tcp)
	block := bytes.Repeat([]byte("A"), 1<<20)
	for range 64 {
		if _, err := c.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	send(t, c, "\n<1>next\n")
	log.wait(t, 2)
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 8<<20 {
		t.Errorf("64 MiB without a line break took %d bytes", grown)
	}
	if n := counts(t, s, "syslog"); n.Cut != 1 || n.CutBytes != 64<<20-64<<10 {
		t.Errorf("cut %d messages by %d bytes", n.Cut, n.CutBytes)
	}
	for _, g := range log.all() {
		for _, r := range g.Records {
			if want := len(r.Raw) > 100; r.Cut != want {
				t.Errorf("record of %d bytes is marked as cut: %t", len(r.Raw), r.Cut)
			}
		}
	}

	// The largest datagram is taken as it is.
	u := dial(t, "udp", l.udp)
	largest := strings.Repeat("\x00\xff", 65507/2) + "x"
	send(t, u, largest)
	groups := log.wait(t, 3)
	if got := lines(groups); got[2] != largest {
		t.Errorf("datagram of %d bytes came as %d", len(largest), len(got[2]))
	}

	// A peer has no more connections than its share.
	held := []net.Conn{dial(t, "tcp", l.tcp), dial(t, "tcp", l.tcp), dial(t, "tcp", l.tcp)}
	for i, h := range held {
		send(t, h, fmt.Sprintf("<1>held %d\n", i))
	}
	log.wait(t, 6)
	refused := dial(t, "tcp", l.tcp)
	_ = refused.SetReadDeadline(time.Now().Add(patience))
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("fifth connection: %v", err)
	}
	if n := counts(t, s, "syslog").Refused[ReasonOverload]; n != 1 {
		t.Errorf("%d connections refused, want 1", n)
	}
}

func TestSyslogRefusesStrangers(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	auth := func(context.Context, string, net.Addr, *tls.ConnectionState) (access.Sender, error) {
		return access.Sender{}, ErrUnauthorized
	}
	l := listenSyslog(t, s, SyslogConfig{}, auth, nil)
	c, u := dial(t, "tcp", l.tcp), dial(t, "udp", l.udp)
	send(t, c, "<1>x\n")
	send(t, u, "<1>x\n")
	until(t, func() bool {
		all := s.Sources()
		return len(all) == 1 && all[0].Refused[ReasonAuth] == 2
	})
	if n := len(log.all()); n != 0 {
		t.Errorf("%d groups are stored", n)
	}
}

// certificate makes a certificate that signs itself.
func certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSyslogOverTLSIsNamedByTheCertificate(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	auth := func(_ context.Context, _ string, _ net.Addr, state *tls.ConnectionState) (access.Sender, error) {
		if state == nil || len(state.PeerCertificates) == 0 {
			return access.Sender{}, ErrUnauthorized
		}
		return access.Sender{Name: state.PeerCertificates[0].Subject.CommonName}, nil
	}
	l := listenSyslog(t, s, SyslogConfig{}, auth, &tls.Config{
		Certificates: []tls.Certificate{certificate(t, "server")}, ClientAuth: tls.RequireAnyClientCert,
	})
	plain := dial(t, "tcp", l.tcp)
	send(t, plain, "<1>not encrypted\n")
	c, err := tls.Dial("tcp", l.tcp, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate(t, "edge-7")}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, "6 <1>one")
	send(t, c, "<2>two\n")
	groups := log.wait(t, 2)
	if diff := cmp.Diff([]string{"<1>one", "<2>two"}, lines(groups)); diff != "" || groups[0].Source != "edge-7" {
		t.Errorf("source %q: %s", groups[0].Source, diff)
	}
	until(t, func() bool {
		for _, c := range s.Sources() {
			if c.Refused[ReasonAuth] == 1 {
				return true
			}
		}
		return false
	})
}

func TestLoggerOfUtilLinux(t *testing.T) {
	path, err := exec.LookPath("logger")
	if err != nil {
		t.Fatalf("logger of util-linux is needed: %v", err)
	}
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	l := listenSyslog(t, s, SyslogConfig{}, nil, nil)
	f := func(n int, addr string, args ...string) {
		t.Helper()
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--server", host, "--port", port, "--tag", "app", fmt.Sprintf("message %d", n))
		if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
			t.Fatalf("logger %v: %v: %s", args, err, out)
		}
		all := lines(log.wait(t, n))
		if got := all[n-1]; !strings.HasPrefix(got, "<13>") || !strings.HasSuffix(got, fmt.Sprintf("message %d", n)) {
			t.Errorf("logger %v gave %q", args, got)
		}
	}
	f(1, l.udp, "--udp", "--rfc5424")
	f(2, l.udp, "--udp", "--rfc3164")
	f(3, l.tcp, "--tcp", "--rfc5424")
	f(4, l.tcp, "--tcp", "--octet-count")
}

func TestSyslogConfig(t *testing.T) {
	f := func(cfg SyslogConfig, want string) {
		t.Helper()
		_, err := NewSyslog(nil, cfg, nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", cfg, err, want)
		}
	}
	f(SyslogConfig{Source: "../x"}, "source:")
	f(SyslogConfig{Format: "nope"}, `format: unknown format "nope"`)
	f(SyslogConfig{MaxMessageBytes: 5}, "max_message_bytes")
	f(SyslogConfig{Sources: map[string]SyslogSource{"a": {Networks: []string{"10.0.0.0/33"}}}}, "sources.a.networks")
	f(SyslogConfig{Sources: map[string]SyslogSource{"a": {Format: "nope"}}}, "sources.a.format")
}

func BenchmarkSyslogTCP(b *testing.B) {
	dir := b.TempDir()
	disk, err := queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer disk.Close()
	s, err := Open(b.Context(), dir, disk, Config{}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l := listenSyslog(b, s, SyslogConfig{}, nil, nil)
	c := dial(b, "tcp", l.tcp)
	line := `<134>1 2026-11-21T12:00:00.000000Z edge-1 nginx 4242 access - 203.0.113.7 - - [21/Nov/2026:12:00:00 +0000] "GET /shop/cart?item=42 HTTP/1.1" 200 5120 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)"` + "\n"
	block := []byte(strings.Repeat(line, 100))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	_, first := disk.Bounds()
	for n := 0; n < b.N; n += 100 {
		part := block[:len(line)*min(100, b.N-n)]
		if _, err := c.Write(part); err != nil {
			b.Fatal(err)
		}
	}
	until(b, func() bool { _, next := disk.Bounds(); return int(next-first) >= b.N })
}
