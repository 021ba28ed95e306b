package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type site struct {
	Upstream string
	Paranoia int
}

type sample struct {
	Listen struct {
		HTTP string `help:"address of the console" yaml:"http"`
		TLS  bool
	}
	SegmentBytes int64
	MaxAge       time.Duration
	ClientCAFile string
	Trusted      []string
	Ratio        float64
	Sites        map[string]site
	Rules        []site
	Clock        func() time.Time
}

func TestLoadYAML(t *testing.T) {
	f := func(doc, wantErr string, want sample) {
		t.Helper()
		var got sample
		err := LoadYAML(&got, []byte(doc))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != wantErr {
			t.Errorf("%s: error %q, want %q", doc, text, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" && wantErr == "" {
			t.Errorf("%s: %s", doc, diff)
		}
	}
	want := sample{SegmentBytes: 64 << 20, MaxAge: 90 * 24 * time.Hour, ClientCAFile: "ca.pem", Trusted: []string{"10.0.0.0/8", "::1"}, Ratio: 0.5}
	want.Listen.HTTP, want.Listen.TLS = "127.0.0.1:0", true
	want.Sites = map[string]site{"shop": {"http://127.0.0.1:1", 2}}
	want.Rules = []site{{Paranoia: 1}}
	f(`{listen: {http: "127.0.0.1:0", tls: true}, segment_bytes: 64MiB, max_age: 90d, client_ca_file: ca.pem,
 trusted: [10.0.0.0/8, "::1"], ratio: 0.5, sites: {shop: {upstream: "http://127.0.0.1:1", paranoia: 2}}, rules: [{paranoia: 1}]}`, "", want)
	f("", "", sample{})
	f("listen:\n", "", sample{})
	f("listen:\n  htpp: x\n", "line 2: unknown key listen.htpp; did you mean http?", sample{})
	f("zebra: 1\n", "line 1: unknown key zebra; known are client_ca_file, listen, max_age, ratio, rules, segment_bytes, sites, trusted", sample{})
	f("max_age: soon\n", `line 1: max_age: want a duration such as 30s, 12h or 90d, have "soon"`, sample{})
	f("segment_bytes: -1\n", "", sample{SegmentBytes: -1})
	f("segment_bytes: -1B\n", "", sample{SegmentBytes: -1})
	f("segment_bytes: -2 MiB\n", "", sample{SegmentBytes: -2 << 20})
	f("segment_bytes: -MiB\n", `line 1: segment_bytes: want a size such as 64MiB or 2GB, have "-MiB"`, sample{})
	f("segment_bytes: -9000000TiB\n", `line 1: segment_bytes: want a size such as 64MiB or 2GB, have "-9000000TiB"`, sample{})
	f("max_age: -1d\n", "", sample{MaxAge: -24 * time.Hour})
	f("max_age: -1\n", "", sample{MaxAge: -1})
	f("listen: 5\n", "line 1: listen: want keys and values", sample{})
	f("sites: {a: {upstrem: x}}\n", "line 1: unknown key sites.a.upstrem; did you mean upstream?", sample{})
	f("clock: x\n", "line 1: unknown key clock; known are client_ca_file, listen, max_age, ratio, rules, segment_bytes, sites, trusted", sample{})
}

// TestUnsigned: a size that cannot be negative says so.
func TestUnsigned(t *testing.T) {
	var got struct{ RoomBytes uint64 }
	err := LoadYAML(&got, []byte("room_bytes: -1\n"))
	if err == nil || err.Error() != `line 1: room_bytes: want a size that is not negative, have "-1"` {
		t.Errorf("error %v", err)
	}
	if err := LoadYAML(&got, []byte("room_bytes: 2KiB\n")); err != nil || got.RoomBytes != 2048 {
		t.Errorf("%d, error %v", got.RoomBytes, err)
	}
}

// TestWriteYAML reads back what was written.
func TestWriteYAML(t *testing.T) {
	want := sample{
		SegmentBytes: -1, MaxAge: 90 * time.Second, ClientCAFile: "no: #text", Trusted: []string{"10.0.0.0/8", "true"}, Ratio: 0.5,
		Sites: map[string]site{"b": {"x", 2}, "a": {}}, Rules: []site{{Upstream: "null"}},
	}
	want.Listen.HTTP = "127.0.0.1:0"
	var doc strings.Builder
	if err := WriteYAML(&doc, &want); err != nil {
		t.Fatal(err)
	}
	const text = `listen:
  # address of the console
  http: 127.0.0.1:0
  tls: false
segment_bytes: -1
max_age: 1m30s
client_ca_file: 'no: #text'
trusted: [10.0.0.0/8, "true"]
ratio: 0.5
sites:
  a:
    upstream: ""
    paranoia: 0
  b:
    upstream: x
    paranoia: 2
rules:
  - upstream: "null"
    paranoia: 0
`
	if diff := cmp.Diff(text, doc.String()); diff != "" {
		t.Error(diff)
	}
	var got sample
	if err := LoadYAML(&got, []byte(doc.String())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadEnv(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("ca.pem\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GW_LISTEN_HTTP": ":1", "GW_TRUSTED": "a, b", "GW_CLIENT_CA_FILE_FILE": secret}
	var got sample
	err := LoadEnv(&got, "GW_", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	want := sample{Trusted: []string{"a", "b"}, ClientCAFile: "ca.pem"}
	want.Listen.HTTP = ":1"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v: %s", err, diff)
	}
	env = map[string]string{"GW_RATIO": "x"}
	err = LoadEnv(&got, "GW_", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err == nil || err.Error() != `read GW_RATIO: ratio: want a number, have "x"` {
		t.Errorf("error %v", err)
	}
}

func FuzzLoadYAML(f *testing.F) {
	f.Add([]byte("listen: {http: x}\nsites: {a: {paranoia: 1}}"))
	f.Fuzz(func(_ *testing.T, doc []byte) {
		var s sample
		_ = LoadYAML(&s, doc)
	})
}
