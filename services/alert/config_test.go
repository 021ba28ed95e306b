package alert

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		err := c.Validate()
		if got := fmt.Sprint(err); (want == "") != (err == nil) || !strings.Contains(got, want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("the error tells the URL: %v", err)
		}
	}
	f(Config{}, "")
	f(Config{URL: "https://hooks.example.com/x?token=hidden"}, "")
	f(Config{URL: "http://127.0.0.1:9000/x"}, "")
	f(Config{URL: "http://[::1]:9000/x"}, "")
	f(Config{URL: "http://localhost/x"}, "")
	f(Config{URL: "http://hooks.example.com/hidden"}, "url: want https")
	f(Config{URL: "http://hooks.example.com/hidden", AllowHTTP: true}, "")
	f(Config{URL: "http://127.0.0.1.example.com/hidden"}, "url: want https")
	f(Config{URL: "ftp://hooks.example.com/hidden"}, "url: want https")
	f(Config{URL: "file:///etc/hidden"}, "url: want a URL")
	f(Config{URL: "hooks.example.com/hidden"}, "url: want a URL")
	f(Config{URL: "https://:443/hidden"}, "url: want a URL")
	f(Config{URL: "https://ann:hidden@hooks.example.com/"}, "url: want none with a user")
	f(Config{URL: "https://hooks.example.com/#hidden"}, "url: want none with a fragment")
	f(Config{URL: "https://hooks.example.com/%zzhidden"}, "url: want a URL")
	f(Config{Severity: 101}, "severity:")
	f(Config{Severity: -1}, "")
	f(Config{PerHour: -1}, "per_hour:")
	f(Config{PerHour: 10_001}, "per_hour:")
	f(Config{PerRule: -1}, "per_rule:")
	f(Config{Digest: time.Second}, "digest:")
	f(Config{GiveUp: time.Second}, "give_up:")
	f(Config{Timeout: time.Hour, GiveUp: 2 * time.Hour}, "timeout:")
	f(Config{Timeout: time.Millisecond}, "timeout:")
}

// TestCheck looks at the files that a configuration names.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(c Config, env, want string) {
		t.Helper()
		c.URL = "https://hooks.example.com/x"
		err := Check(c, env)
		if got := fmt.Sprint(err); (want == "") != (err == nil) || !strings.Contains(got, want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	f(Config{}, "", "secret_file: want one")
	f(Config{}, secret('a'), "")
	f(Config{}, "short", "secret of the environment")
	f(Config{SecretFile: filepath.Join(dir, "none")}, "", "secret_file: open")
	f(Config{SecretFile: write("open", secret('a'), 0o644)}, "", "lets others read it")
	f(Config{SecretFile: write("empty", "", 0o600)}, "", "want one secret")
	f(Config{SecretFile: write("three", strings.Repeat(secret('a')+"\n", 3), 0o600)}, "", "have 3")
	f(Config{SecretFile: write("right", secret('a'), 0o600), CAFile: write("ca", "x", 0o600)}, "", "holds no certificate")
	f(Config{SecretFile: write("right", secret('a'), 0o600), CAFile: "none"}, "", "ca_file: open")
	f(Config{SecretFile: write("right", secret('a'), 0o600)}, "", "")
}

func TestParseSecrets(t *testing.T) {
	for _, n := range []int{minSecret - 1, maxSecret + 1} {
		if _, err := ParseSecrets(secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, n))); err == nil {
			t.Errorf("a secret of %d bytes is taken", n)
		}
	}
	all := parsed(t, secret('a')+" "+strings.TrimPrefix(secret('b'), secretPrefix))
	if len(all) != 2 {
		t.Fatalf("%d secrets", len(all))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(verb, all[0]); strings.Contains(text, "aaa") || strings.Contains(text, "6161") || strings.Contains(text, "97") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// TestPeers looks at the addresses that a name may lead to.
func TestPeers(t *testing.T) {
	f := func(address string, plain, encrypted bool) {
		t.Helper()
		for anywhere, want := range map[bool]bool{false: plain, true: encrypted} {
			err := allowedPeer(anywhere)("tcp", address, nil)
			if (err == nil) != want || err != nil && !errors.Is(err, errPeer) {
				t.Errorf("%s, anywhere %v: %v", address, anywhere, err)
			}
		}
	}
	f("127.0.0.1:80", true, true)
	f("[::1]:80", true, true)
	f("192.0.2.1:443", false, true)
	f("10.0.0.1:443", false, true)
	f("[::ffff:192.0.2.1]:443", false, true)
	f("169.254.169.254:80", false, false)
	f("[::ffff:169.254.169.254]:80", false, false)
	f("[fe80::1%eth0]:80", false, false)
	f("0.0.0.0:80", false, false)
	f("[::]:80", false, false)
	f("224.0.0.1:80", false, false)
	f("255.255.255.255:80", false, false)
	f("nonsense", false, false)

	// What stands for an IPv4 address is judged as that.
	f("[::192.0.2.1]:443", false, true)
	f("[::169.254.169.254]:80", false, false)
	f("[64:ff9b::192.0.2.1]:443", false, true)
	f("[64:ff9b::169.254.169.254]:80", false, false)
	f("[64:ff9b::127.0.0.1]:80", false, false)
	f("[64:ff9b::]:80", false, false)
	f("[64:ff9b:1::192.0.2.1]:443", false, true)
	f("[64:ff9b:1::169.254.169.254]:80", false, false)
	f("[64:ff9b:1:a9fe:a9:fe00::]:80", false, false)     // a prefix of 48 bits
	f("[64:ff9b:1:c0a8:0001:0900::]:443", false, true)   // 192.168.1.9
	f("[64:ff9b:1:00a9:00fe:a9fe::]:80", false, false)   // of 56
	f("[64:ff9b:1:0:00a9:fea9:fe00::]:80", false, false) // of 64
	f("[64:ff9b:1::]:80", false, false)
	f("[2002:c000:201::1]:443", false, true)
	f("[2002:a9fe:a9fe::1]:80", false, false)
	f("[2002:7f00:1::1]:80", false, false)

	// Clouds have metadata at addresses that are global in form.
	f("[fd00:ec2::254]:80", false, false)
	f("[fd00:ec2::254%eth0]:80", false, false)
	f("[fd00:ec2::253]:443", false, true)
	f("[fd20:ce::254]:80", false, false)
	f("100.100.100.200:80", false, false)
	f("168.63.129.16:80", false, false)
	f("192.0.0.192:80", false, false)
	f("[64:ff9b::100.100.100.200]:80", false, false)
}

// FuzzVerify holds the check of a message to arbitrary headers: without the secret
// none passes.
func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1769860800", "v1,AAAA v1a,BBBB", []byte("{}"))
	f.Add("", "", "v1,", []byte(nil))
	now := time.Unix(1769860800, 0)
	f.Fuzz(func(t *testing.T, id, at, signature string, body []byte) {
		h := map[string][]string{headerID: {id}, headerTimestamp: {at}, headerSignature: {signature}}
		known := []Secret{{bytes.Repeat([]byte("k"), 32)}}
		if err := Verify(known, h, body, now); !errors.Is(err, ErrSignature) {
			t.Errorf("%q %q %q: %v", id, at, signature, err)
		}
	})
}
