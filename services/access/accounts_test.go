package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

const longPassword = "brief lentil orbit"

// peopleRig is accounts whose hashes cost little.
type peopleRig struct {
	*Accounts
	t    *testing.T
	c    *clock
	db   *state.DB
	acts []AccountAct
	fail error // what the audit log answers
}

func newPeople(t *testing.T) *peopleRig {
	t.Helper()
	r := &peopleRig{t: t, c: newClock()}
	db, err := state.Open(t.Context(), t.TempDir(), r.c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	r.db = db
	r.Accounts = NewAccounts(SessionConfig{}, db, openTokens(t, t.TempDir(), r.c), r.c.now, slog.New(slog.DiscardHandler))
	r.hasher = newHasher(cost{memory: 64, time: 1, threads: 1})
	r.Audit(func(a AccountAct) error {
		if r.fail != nil {
			return r.fail
		}
		r.acts = append(r.acts, a)
		return nil
	})
	return r
}

func (r *peopleRig) add(name string, role Role) {
	r.t.Helper()
	if _, err := r.Add(r.t.Context(), name, role, "test"); err != nil {
		r.t.Fatal(err)
	}
	if err := r.SetPassword(r.t.Context(), name, longPassword, "test"); err != nil {
		r.t.Fatal(err)
	}
}

func (r *peopleRig) in(name string) string {
	r.t.Helper()
	id, err := r.SignIn(r.t.Context(), name, longPassword, peer("192.0.2.1:5"), "browser")
	if err != nil {
		r.t.Fatalf("sign in %s: %v", name, err)
	}
	return id
}

// alive tells whether a session goes on.
func (r *peopleRig) alive(id string) bool {
	r.t.Helper()
	_, err := r.Session(r.t.Context(), id)
	if err != nil && !errors.Is(err, ErrSession) {
		r.t.Fatal(err)
	}
	return err == nil
}

func TestSessionsEnd(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	r.add("root", Administrator)

	idle := r.in("ann")
	r.c.advance(r.config.Idle - time.Minute)
	if !r.alive(idle) {
		t.Error("a session that is used ends")
	}
	r.c.advance(r.config.Idle - time.Minute)
	if !r.alive(idle) {
		t.Error("the last use does not count")
	}
	r.c.advance(r.config.Idle)
	if r.alive(idle) {
		t.Error("a session that is not used goes on")
	}

	busy := r.in("ann")
	for range int(r.config.Lifetime/time.Hour) - 1 {
		r.c.advance(time.Hour)
		if !r.alive(busy) {
			t.Fatal("a busy session ends before its lifetime")
		}
	}
	r.c.advance(time.Hour)
	if r.alive(busy) {
		t.Error("a session outlives its lifetime")
	}

	one, two := r.in("ann"), r.in("ann")
	s, err := r.Session(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.EndSession(t.Context(), s.ID, "root", "test"); !errors.Is(err, ErrNotFound) {
		t.Errorf("session of another account: %v", err)
	}
	if err := r.EndSession(t.Context(), s.ID, "ann", "test"); err != nil || r.alive(one) || !r.alive(two) {
		t.Errorf("end one session: %v", err)
	}
	if err := r.SetPassword(t.Context(), "ann", longPassword+"!", "test"); err != nil || r.alive(two) {
		t.Errorf("change of the password: %v, the session goes on: %v", err, r.alive(two))
	}
	if err := r.SetPassword(t.Context(), "ann", longPassword, "test"); err != nil {
		t.Fatal(err)
	}
	three, off := r.in("ann"), true
	if _, err := r.Change(t.Context(), "ann", nil, &off, "test"); err != nil || r.alive(three) {
		t.Errorf("disable: %v, the session goes on: %v", err, r.alive(three))
	}
	if _, err := r.SignIn(t.Context(), "ann", longPassword, peer("192.0.2.1:5"), ""); !errors.Is(err, ErrSignIn) {
		t.Errorf("sign-in of a disabled account: %v", err)
	}
}

// TestRolesHoldAtOnce shows that a session has the role that its account has now.
func TestRolesHoldAtOnce(t *testing.T) {
	r := newPeople(t)
	r.add("root", Administrator)
	r.add("ann", Administrator)
	id := r.in("ann")
	gate := NewGate(r.tokens, NewFailures(r.c.now), false, slog.New(slog.DiscardHandler)).WithSessions(r.Accounts)
	call := Caller{Session: id, CSRF: csrfOf(id), Peer: peer("192.0.2.1:5")}
	const method = "/gatewatch.v1.AdminService/ListTokens"
	if _, err := gate.Admit(method, call); err != nil {
		t.Errorf("administrator: %v", err)
	}
	viewer := Viewer
	if _, err := r.Change(t.Context(), "ann", &viewer, nil, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Admit(method, call); !errors.Is(err, ErrForbidden) {
		t.Errorf("viewer: %v", err)
	}
	if _, err := r.Change(t.Context(), "root", &viewer, nil, "test"); !errors.Is(err, ErrAccount) {
		t.Errorf("the last administrator: %v", err)
	}
}

func TestGateWantsCSRF(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	id, other := r.in("ann"), r.in("ann")
	gate := NewGate(r.tokens, NewFailures(r.c.now), false, slog.New(slog.DiscardHandler)).WithSessions(r.Accounts)
	f := func(c Caller, want error) {
		t.Helper()
		got, err := gate.Admit("/gatewatch.v1.SearchService/Search", c)
		if !errors.Is(err, want) || err == nil && (got.Kind != KindUser || got.Name != "ann" || got.Role != Analyst) {
			t.Errorf("%+v: %+v, %v, want %v", c, got, err, want)
		}
	}
	f(Caller{Session: id, ReadOnly: true}, nil)
	f(Caller{Session: id, CSRF: csrfOf(id)}, nil)
	f(Caller{Session: id}, ErrCSRF)
	f(Caller{Session: id, CSRF: csrfOf(other)}, ErrCSRF)
	f(Caller{Session: id, CSRF: id}, ErrCSRF)
	f(Caller{Session: csrfOf(id), ReadOnly: true}, ErrUnauthenticated)
	f(Caller{Session: hashText(id), ReadOnly: true}, ErrUnauthenticated)
	f(Caller{Session: id, Bearer: "gwt_x", ReadOnly: true}, ErrUnauthenticated)
	plain := NewGate(r.tokens, NewFailures(r.c.now), true, slog.New(slog.DiscardHandler))
	if _, err := plain.Admit("/gatewatch.v1.SearchService/Search", Caller{Session: id, ReadOnly: true}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("gate without sessions: %v", err)
	}
}

func TestLinksWorkOnce(t *testing.T) {
	r := newPeople(t)
	ctx := t.Context()
	link := func(name string) string {
		t.Helper()
		secret, _, err := r.NewLink(ctx, name, "test")
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	use := func(secret, name, password string, want error) {
		t.Helper()
		if _, err := r.UseLink(ctx, secret, name, password); !errors.Is(err, want) {
			t.Errorf("use link of %q: %v, want %v", name, err, want)
		}
	}
	expired := link("")
	r.c.advance(r.config.Link)
	use(expired, "root", longPassword, ErrLink)
	replaced, first := link(""), link("")
	use(replaced, "root", longPassword, ErrLink)
	use(first, "../root", longPassword, ErrAccount)
	use(first, "root", "too short", ErrPasswordShort)
	use(strings.Repeat("x", sessionID), "root", longPassword, ErrLink)
	use(first, "root", longPassword, nil)
	use(first, "eve", longPassword, ErrLink)
	use(link(""), "eve", longPassword, ErrLink) // there is an account
	r.add("ann", Analyst)
	id, one, two := r.in("ann"), link("ann"), link("ann")
	use(one, "", longPassword+"!", nil)
	use(one, "", longPassword, ErrLink)
	use(two, "", longPassword, ErrLink)
	if r.alive(id) {
		t.Error("the session goes on after the password was chosen anew")
	}
	accounts, err := r.List(ctx)
	if err != nil || len(accounts) != 2 || accounts[1].Role != Administrator || accounts[1].Name != "root" {
		t.Errorf("accounts are %+v, %v", accounts, err)
	}
}

// TestFirstIsOne lets many use the link of the first administrator at once.
func TestFirstIsOne(t *testing.T) {
	r := newPeople(t)
	r.Audit(func(AccountAct) error { return nil })
	secret, _, err := r.NewLink(t.Context(), "", "test")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	won := make(chan string, 8)
	for i := range cap(won) {
		wg.Go(func() {
			if name, err := r.UseLink(context.Background(), secret, fmt.Sprint("root", i), longPassword); err == nil {
				won <- name
			} else if !errors.Is(err, ErrLink) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	if n := len(won); n != 1 {
		t.Errorf("%d became the first administrator", n)
	}
}

// TestHashesAreMadeAnew shows that a sign-in gives a hash the parameters of now,
// and leaves the sessions.
func TestHashesAreMadeAnew(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	id := r.in("ann")
	r.hasher = newHasher(cost{memory: 128, time: 1, threads: 1})
	second := r.in("ann")
	row, err := r.db.Account(t.Context(), "ann")
	if err != nil || !strings.HasPrefix(row.Password, "$argon2id$v=19$m=128,t=1,p=1$") {
		t.Errorf("hash is %q, %v", row.Password, err)
	}
	if !r.alive(id) || !r.alive(second) {
		t.Error("a session ended")
	}
	r.in("ann")
}

func TestHashes(t *testing.T) {
	h := newHasher(cost{memory: 64, time: 1, threads: 1})
	hash, err := h.hash(t.Context(), longPassword)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.hash(t.Context(), longPassword)
	if err != nil || again == hash {
		t.Errorf("two hashes of a password are the same: %v", err)
	}
	f := func(password, hash string, want bool, wantErr error) {
		t.Helper()
		right, _, err := h.check(t.Context(), password, hash)
		if right != want || !errors.Is(err, wantErr) {
			t.Errorf("check(%q, %q) = %v, %v, want %v, %v", password, hash, right, err, want, wantErr)
		}
	}
	f(longPassword, hash, true, nil)
	f(longPassword+" ", hash, false, nil)
	f("", hash, false, nil)
	f("", "", false, nil)
	f(longPassword, "", false, nil)
	for _, bad := range []string{
		"x", strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "m=64", "m=999999999", 1),
		strings.Replace(hash, "t=1", "t=0", 1), strings.Replace(hash, "p=1", "p=0", 1), hash + "$", hash[:len(hash)-4],
	} {
		f(longPassword, bad, false, errHash)
	}
	full := newHasher(h.cost)
	for range hashesInLine {
		full.line <- struct{}{}
	}
	if _, err := full.hash(t.Context(), longPassword); !errors.Is(err, ErrHashing) {
		t.Errorf("a line that is full: %v", err)
	}
}

func TestCheckPassword(t *testing.T) {
	f := func(name, password string, want error) {
		t.Helper()
		if err := CheckPassword(name, password); !errors.Is(err, want) {
			t.Errorf("CheckPassword(%q, %q) = %v, want %v", name, password, err, want)
		}
	}
	f("ann", longPassword, nil)
	f("ann", "十二个汉字也够长的密码呀", nil)
	f("ann", "kJ8#vbQ2!xPz", nil)
	f("ann", "elevenchars", ErrPasswordShort)
	f("ann", strings.Repeat("a b", 400), ErrPasswordLong)
	f("ann", "with a \x00 in it", ErrPasswordText)
	f("ann", "bad \xff utf-8 text", ErrPasswordText)
	f("ann", "thisisANNspassword", ErrPasswordName)
	f("al", "algebraic lentil", nil) // a name so short is in many words
	f("ann", "Password2026!!", ErrPasswordCommon)
	f("ann", "qwertyuiop123", ErrPasswordCommon)
	f("ann", "123456789012", ErrPasswordCommon)
	f("ann", "aaaaaaaaaaaaaa", ErrPasswordCommon)
	f("ann", "abcabcabcabc", ErrPasswordCommon)
	f("ann", "Gatewatch-2026", ErrPasswordCommon)
	f("ann", "836150294718", nil)
}

// TestFailedSignInsAreBounded shows that a flood of failures leaves few leaves, none
// of which holds what was typed as a name that nobody has.
func TestFailedSignInsAreBounded(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	r.acts = nil
	for i := range 1000 {
		_, err := r.SignIn(t.Context(), fmt.Sprintf("typed-%d", i), "x", peer(fmt.Sprintf("10.0.%d.%d:5", i/250, i%250)), "")
		if !errors.Is(err, ErrSignIn) {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	if len(r.acts) != failedLeaves {
		t.Errorf("%d leaves, want %d", len(r.acts), failedLeaves)
	}
	if text := fmt.Sprint(r.acts); strings.Contains(text, "typed-") {
		t.Error("a leaf holds what was typed")
	}
	r.c.advance(failedWindow)
	r.acts = nil
	if _, err := r.SignIn(t.Context(), "ann", "x", peer("10.9.9.9:5"), ""); !errors.Is(err, ErrSignIn) {
		t.Fatal(err)
	}
	if len(r.acts) != 1 || r.acts[0].Account != "ann" || r.acts[0].Detail["more"] != fmt.Sprint(1000-failedLeaves) {
		t.Errorf("the next leaf is %+v", r.acts)
	}
}

func TestAttempts(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	try := func(name, password, from string, want error) {
		t.Helper()
		if _, err := r.SignIn(t.Context(), name, password, peer(from), ""); !errors.Is(err, want) {
			t.Errorf("%s from %s: %v, want %v", name, from, err, want)
		}
	}
	try("ann", longPassword, "192.0.2.1:5", nil) // from where she works
	for range maxPerPair {
		try("ann", "x", "192.0.2.2:5", ErrSignIn)
	}
	try("ann", longPassword, "192.0.2.2:5", ErrWait)
	try("ann", longPassword, "192.0.2.3:5", nil) // another address
	for i := range maxPerPeer - maxPerPair {
		try(fmt.Sprint("user", i), "x", "192.0.2.2:5", ErrSignIn)
	}
	try("bob", "x", "192.0.2.2:5", ErrWait)
	for i := range maxPerAccount {
		_, err := r.SignIn(t.Context(), "ann", "x", peer(fmt.Sprintf("10.0.0.%d:5", i)), "")
		if err == nil {
			t.Fatal("a wrong password signs in")
		}
	}
	try("ann", longPassword, "10.0.1.1:5", ErrWait)
	try("ann", longPassword, "192.0.2.1:5", nil) // nobody locks her out
	r.c.advance(attemptWindow)
	try("ann", longPassword, "10.0.1.1:5", nil)
	if n := len(r.attempts.pairs) + len(r.attempts.peers) + len(r.attempts.names); n > 3 {
		t.Errorf("%d counts are kept after the window", n)
	}
}

// TestNoLeafNoAct shows that nothing is done of which the audit log could not tell.
func TestNoLeafNoAct(t *testing.T) {
	r := newPeople(t)
	r.add("ann", Analyst)
	id := r.in("ann")
	r.fail = errors.New("no room")
	viewer := Viewer
	for name, act := range map[string]func() error{
		"sign in":  func() error { _, err := r.SignIn(t.Context(), "ann", longPassword, nil, ""); return err },
		"sign out": func() error { return r.SignOut(t.Context(), id) },
		"add":      func() error { _, err := r.Add(t.Context(), "bob", Viewer, "test"); return err },
		"role":     func() error { _, err := r.Change(t.Context(), "ann", &viewer, nil, "test"); return err },
		"password": func() error { return r.SetPassword(t.Context(), "ann", longPassword+"!", "test") },
		"link":     func() error { _, _, err := r.NewLink(t.Context(), "ann", "test"); return err },
	} {
		if err := act(); !errors.Is(err, r.fail) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.fail = nil
	if !r.alive(id) {
		t.Error("the session ended")
	}
	r.in("ann")
	if all, err := r.List(t.Context()); err != nil || len(all) != 1 || all[0].Role != Analyst {
		t.Errorf("accounts are %+v, %v", all, err)
	}
}

func TestKiosk(t *testing.T) {
	r := newPeople(t)
	if _, _, err := r.tokens.Create(Grant{Kind: KindKiosk, Name: "lobby"}); !errors.Is(err, ErrGrant) {
		t.Errorf("kiosk token for ever: %v", err)
	}
	_, analyst, err := r.tokens.Create(Grant{Kind: KindRole, Role: Analyst})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.SignInKiosk(t.Context(), analyst, nil, ""); !errors.Is(err, ErrForbidden) {
		t.Errorf("token of a role: %v", err)
	}
	screen := func() (Token, string) {
		t.Helper()
		token, bearer, err := r.tokens.Create(Grant{Kind: KindKiosk, Name: "lobby", Lifetime: 30 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := r.SignInKiosk(t.Context(), bearer, peer("192.0.2.1:5"), "")
		if err != nil {
			t.Fatal(err)
		}
		return token, id
	}
	token, id := screen()
	gate := NewGate(r.tokens, NewFailures(r.c.now), true, slog.New(slog.DiscardHandler)).WithSessions(r.Accounts)
	for method := range rights {
		_, err := gate.Admit(method, Caller{Session: id, CSRF: csrfOf(id), Peer: peer("192.0.2.1:5")})
		if r := rights[method]; (err == nil) != (r.public || r.kiosk) {
			t.Errorf("%s by a wall screen: %v", method, err)
		}
	}
	r.c.advance(29 * 24 * time.Hour)
	if !r.alive(id) {
		t.Error("a screen that stands still is signed out")
	}
	r.c.advance(24 * time.Hour)
	if r.alive(id) {
		t.Error("a screen outlives its token")
	}
	token, id = screen()
	if err := r.tokens.Revoke(token.ID, "test"); err != nil || r.alive(id) {
		t.Errorf("revoked token: %v", err)
	}
}
