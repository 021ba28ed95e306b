package access

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test moves by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func openTokens(t *testing.T, dir string, c *clock) *Tokens {
	t.Helper()
	tokens, err := OpenTokens(dir, c.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestTokenLifecycle(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "data"), newClock()
	server := openTokens(t, dir, c)
	command := openTokens(t, dir, c) // another process beside it

	tok, bearer, err := command.Create(Grant{Kind: KindSource, Name: "edge-1", Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	got, err := server.Check(bearer)
	if err != nil || got != tok {
		t.Fatalf("check: %+v, %v, want %+v", got, err, tok)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	if key := bearer[strings.LastIndexByte(bearer, '_')+1:]; bytes.Contains(data, []byte(key)) {
		t.Error("the file holds the secret itself")
	}
	refused := func(bearer string, want error) {
		t.Helper()
		if _, err := server.Check(bearer); !errors.Is(err, want) {
			t.Errorf("check %q: %v, want %v", bearer, err, want)
		}
	}
	last := bearer[len(bearer)-1]
	refused("", ErrToken)
	refused(bearer[:len(bearer)-1]+string(last^1), ErrToken)
	refused(bearer+"a", ErrToken)
	refused("gwt_"+strings.Repeat("A", idLength)+"_"+strings.Repeat("A", keyLength), ErrToken)
	refused(strings.Repeat("\xff", len(bearer)), ErrToken)
	c.advance(time.Hour)
	refused(bearer, ErrExpired)

	tok, bearer, err = server.Create(Grant{Kind: KindRole, Role: Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := command.List(); err != nil || len(list) != 2 || list[1] != tok || list[1].Name != "viewer" {
		t.Fatalf("list: %+v, %v", list, err)
	}
	if err := command.Revoke(tok.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	refused(bearer, ErrToken)
	if err := command.Revoke(tok.ID, "ann"); !errors.Is(err, ErrNotFound) {
		t.Errorf("second revoke: %v", err)
	}
	if again, err := openTokens(t, dir, c).List(); err != nil || len(again) != 1 {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestGrant(t *testing.T) {
	tokens := openTokens(t, t.TempDir(), newClock())
	f := func(g Grant, want string) {
		t.Helper()
		_, _, err := tokens.Create(g)
		if !errors.Is(err, ErrGrant) || !strings.Contains(err.Error(), want) {
			t.Errorf("create %+v: %v, want %q", g, err, want)
		}
	}
	f(Grant{}, "none of source, node, role")
	f(Grant{Kind: KindCertificate, Name: "a"}, "none of source, node, role")
	f(Grant{Kind: KindSource}, "1 to 128 characters")
	f(Grant{Kind: KindSource, Name: "a", Role: Administrator}, "has no role")
	f(Grant{Kind: KindRole, Name: "a", Role: "root"}, "none of viewer")
	f(Grant{Kind: KindNode, Name: "../x"}, "must have only")
	f(Grant{Kind: KindNode, Name: "a\nb"}, "must have only")
	f(Grant{Kind: KindSource, Name: "Gatewatch"}, "is reserved")
	f(Grant{Kind: KindNode, Name: strings.Repeat("a", 129)}, "1 to 128")
	f(Grant{Kind: KindNode, Name: "a", Lifetime: -1}, "lifetime")
}

func TestBootstrap(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	tokens := openTokens(t, dir, c)
	path, made, err := tokens.Bootstrap()
	if err != nil || !made {
		t.Fatalf("first start: made %v, %v", made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode of the file: %v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := tokens.Check(strings.TrimSpace(string(data)))
	if err != nil || admin.Role != Administrator {
		t.Fatalf("token of the file: %+v, %v", admin, err)
	}
	if err := tokens.Revoke(admin.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if _, made, err := openTokens(t, dir, c).Bootstrap(); err != nil || made {
		t.Errorf("second start: made %v, %v", made, err)
	}
}

func TestReadableFilesAreRefused(t *testing.T) {
	f := func(name string, mode os.FileMode) {
		t.Helper()
		dir, c := t.TempDir(), newClock()
		tokens := openTokens(t, dir, c)
		if _, _, err := tokens.Bootstrap(); err != nil {
			t.Fatal(err)
		}
		_, bearer, err := tokens.Create(Grant{Kind: KindRole, Role: Analyst})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenTokens(dir, c.now, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("open with %s of mode %o: %v", name, mode, err)
		}
		if name != "tokens.json" {
			return
		}
		if _, err := tokens.Check(bearer); err == nil || errors.Is(err, ErrToken) {
			t.Errorf("check with mode %o: %v", mode, err)
		}
		if _, _, err := tokens.Create(Grant{Kind: KindRole, Role: Analyst}); err == nil {
			t.Errorf("create with mode %o went through", mode)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Check(bearer); err != nil {
			t.Errorf("check after the mode was mended: %v", err)
		}
	}
	f("tokens.json", 0o644)
	f("tokens.json", 0o640)
	f("tokens.json", 0o602)
	f("admin.token", 0o604)
}

func TestDamagedFileLetsNobodyIn(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	tokens := openTokens(t, dir, c)
	_, bearer, err := tokens.Create(Grant{Kind: KindRole, Role: Analyst})
	if err != nil {
		t.Fatal(err)
	}
	f := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "tokens.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Check(bearer); err == nil {
			t.Errorf("%q lets the token in", text)
		}
		if _, err := OpenTokens(dir, c.now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%q opens", text)
		}
		if _, _, err := tokens.Bootstrap(); err == nil {
			t.Errorf("%q is replaced by a new administrator", text)
		}
	}
	f("")
	f("{")
	f(`{"version":2,"tokens":[]}`)
	f(`{"version":1,"tokens":[{"id":"a","kind":"role","name":"a","role":"root","sha256":""}]}`)
	f(`{"version":1,"tokens":[{"id":"a","kind":"source","name":"a","sha256":"00"}]}`)
}

func TestTokensOfManyWriters(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for range writers {
		tokens := openTokens(t, dir, c)
		wg.Go(func() {
			for range each {
				_, bearer, err := tokens.Create(Grant{Kind: KindSource, Name: "s"})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tokens.Check(bearer); err != nil {
					t.Errorf("own token: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if list, err := openTokens(t, dir, c).List(); err != nil || len(list) != writers*each {
		t.Errorf("%d tokens, %v, want %d", len(list), err, writers*each)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"version":1,"bootstrapped":true,"tokens":[{"id":"a","kind":"source","name":"a","created":"2026-01-01T00:00:00Z","sha256":"` + strings.Repeat("00", 32) + `"}]}`))
	f.Add([]byte(`{"version":1,"tokens":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseDocument(data)
		for _, e := range doc.Tokens {
			if _, bad := (Grant{Kind: e.Kind, Name: e.Name, Role: e.Role}).check(); err == nil && bad != nil {
				t.Errorf("kept a token that cannot be made: %v", bad)
			}
		}
	})
}

// TestAudit: each change is told before it is made, and what cannot be told is
// not done.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	tokens, err := OpenTokens(dir, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var refuse error
	var got []Act
	tokens.Audit(func(a Act) error {
		got = append(got, a)
		return refuse
	})
	if _, _, err := tokens.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	made, _, err := tokens.Create(Grant{Kind: KindSource, Name: "edge-1", By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	refuse = errors.New("audit")
	if _, _, err := tokens.Create(Grant{Kind: KindSource, Name: "edge-2", By: "ann"}); !errors.Is(err, refuse) {
		t.Errorf("created without a leaf: %v", err)
	}
	if err := tokens.Revoke(made.ID, "bo"); !errors.Is(err, refuse) {
		t.Errorf("revoked without a leaf: %v", err)
	}
	if all, err := tokens.List(); len(all) != 2 || err != nil {
		t.Errorf("%d tokens, want 2; %v", len(all), err)
	}
	if len(got) != 4 || got[0].By != "first start" || got[1].Token != made || got[1].By != "ann" || !got[3].Revoked || got[3].By != "bo" {
		t.Errorf("told: %+v", got)
	}
	refuse = nil
	if err := tokens.Revoke(made.ID, "bo"); err != nil {
		t.Error(err)
	}
}
