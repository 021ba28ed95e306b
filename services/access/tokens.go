package access

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tokens is the set of tokens of a data directory. All methods may be called
// concurrently, also by several processes on one directory: a change is seen at
// once by all of them.
type Tokens struct {
	dir string
	now func() time.Time
	log *slog.Logger

	audit func(Act) error

	loading sync.Mutex
	view    atomic.Pointer[view]
}

// view is the content of the file at one moment. It is not changed.
type view struct {
	info fs.FileInfo // nil: there is no file
	byID map[string]*entry
	doc  document
	err  error // the file cannot be used: no token is valid

	senders map[string]bool // names of the tokens of sources and nodes
}

// OpenTokens reads the tokens of a data directory, none if it has none yet. It
// fails if the file can be read by others than its owner. now gives the time
// that expiry is judged by.
func OpenTokens(dir string, now func() time.Time, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{dir: dir, now: now, log: log}
	if err := checkPrivate(t.adminPath()); err != nil {
		return nil, fmt.Errorf("read administrator's token: %w", err)
	}
	if v := t.current(); v.err != nil {
		return nil, fmt.Errorf("read tokens: %w", v.err)
	}
	return t, nil
}

// Act is a change of the tokens.
type Act struct {
	Token   Token
	Revoked bool   // else made
	By      string // who does it
}

// Audit lets f be told of each change before it is made; its error keeps the
// change from being made. It is called before the tokens are changed.
func (t *Tokens) Audit(f func(Act) error) { t.audit = f }

// tell tells of a change.
func (t *Tokens) tell(a Act) error {
	if t.audit == nil {
		return nil
	}
	return t.audit(a)
}

func (t *Tokens) path() string      { return filepath.Join(t.dir, "tokens.json") }
func (t *Tokens) lockPath() string  { return filepath.Join(t.dir, "tokens.lock") }
func (t *Tokens) adminPath() string { return filepath.Join(t.dir, "admin.token") }

// Check returns the token that a bearer token belongs to. The error is ErrToken
// or ErrExpired if the caller has no right to pass, another one if the tokens
// cannot be read. How long it takes tells nothing about the tokens there are.
func (t *Tokens) Check(bearer string) (Token, error) {
	id, _, ok := split(bearer)
	if !ok {
		return Token{}, ErrToken
	}
	v := t.current()
	if v.err != nil {
		return Token{}, fmt.Errorf("read tokens: %w", v.err)
	}
	e, sum := v.byID[id], hash(bearer)
	if e == nil {
		e = &nobody
	}
	if subtle.ConstantTimeCompare(sum[:], e.sum[:]) != 1 || e == &nobody {
		return Token{}, ErrToken
	}
	if !e.Expires.IsZero() && !t.now().Before(e.Expires) {
		return Token{}, ErrExpired
	}
	return e.Token, nil
}

// byID returns the token that has an id, which is no secret. The error is as that
// of Check.
func (t *Tokens) byID(id string) (Token, error) {
	v := t.current()
	if v.err != nil {
		return Token{}, fmt.Errorf("read tokens: %w", v.err)
	}
	e := v.byID[id]
	switch {
	case e == nil:
		return Token{}, ErrToken
	case !e.Expires.IsZero() && !t.now().Before(e.Expires):
		return Token{}, ErrExpired
	}
	return e.Token, nil
}

// nobody stands for unknown ids, so that these take as long as known ones.
var nobody entry

// Create makes a token and returns it with the bearer token itself, of which
// only a hash is kept. On return it is durable and valid. An error that is
// ErrGrant tells what is wrong with the grant.
func (t *Tokens) Create(g Grant) (Token, string, error) {
	g, err := g.check()
	if err == nil {
		err = g.mustExpire()
	}
	if err != nil {
		return Token{}, "", err
	}
	var (
		tok    Token
		bearer string
	)
	err = t.update(func(d *document) error {
		if tok, bearer, err = d.add(g, t.now()); err != nil {
			return err
		}
		return t.tell(Act{Token: tok, By: g.By})
	})
	if err != nil {
		return Token{}, "", fmt.Errorf("create token: %w", err)
	}
	return tok, bearer, nil
}

// List returns all tokens, also expired ones, in order of their creation.
func (t *Tokens) List() ([]Token, error) {
	v := t.current()
	if v.err != nil {
		return nil, fmt.Errorf("list tokens: %w", v.err)
	}
	list := make([]Token, 0, len(v.doc.Tokens))
	for i := range v.doc.Tokens {
		list = append(list, v.doc.Tokens[i].Token)
	}
	slices.SortFunc(list, func(a, b Token) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Revoke removes a token; by is who does it, for the audit log. On return it is
// invalid, durably. ErrNotFound means that there is none with that id.
func (t *Tokens) Revoke(id, by string) error {
	err := t.update(func(d *document) error {
		i := slices.IndexFunc(d.Tokens, func(e entry) bool { return e.ID == id })
		if i < 0 {
			return ErrNotFound
		}
		gone := d.Tokens[i].Token
		d.Tokens = slices.Delete(d.Tokens, i, i+1)
		return t.tell(Act{Token: gone, Revoked: true, By: by})
	})
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// Bootstrap makes the administrator's token at the first start on a data
// directory and writes it to DIR/admin.token, readable by the owner alone. It
// returns the file's path and whether it was written now. Later starts make no
// other, so a token that was revoked stays so.
func (t *Tokens) Bootstrap() (path string, made bool, err error) {
	if v := t.current(); v.err == nil && v.doc.Bootstrapped {
		return t.adminPath(), false, nil
	}
	err = t.update(func(d *document) error {
		if d.Bootstrapped {
			return nil
		}
		tok, bearer, err := d.add(Grant{Kind: KindRole, Name: "admin", Role: Administrator}, t.now())
		if err != nil {
			return err
		}
		if err := t.tell(Act{Token: tok, By: "first start"}); err != nil {
			return err
		}
		// The file comes first: after a crash between the two, the next start
		// writes both again.
		if err := writePrivate(t.adminPath(), []byte(bearer+"\n"), time.Time{}); err != nil {
			return err
		}
		d.Bootstrapped, made = true, true
		return nil
	})
	if err != nil {
		return "", false, fmt.Errorf("write administrator's token: %w", err)
	}
	return t.adminPath(), made, nil
}

// current returns the content of the file as it is now. It costs one stat
// unless the file has changed.
func (t *Tokens) current() *view {
	info, err := os.Stat(t.path())
	if v := t.view.Load(); v != nil && v.sameAs(info, err) {
		return v
	}
	t.loading.Lock()
	defer t.loading.Unlock()
	info, err = os.Stat(t.path())
	old := t.view.Load()
	if old != nil && old.sameAs(info, err) {
		return old
	}
	v := t.load()
	if v.err != nil && (old == nil || old.err == nil || old.err.Error() != v.err.Error()) {
		t.log.Error("tokens cannot be used, every token is refused", "error", v.err)
	}
	t.view.Store(v)
	return v
}

func (v *view) sameAs(info fs.FileInfo, err error) bool {
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) && v.info == nil && v.err == nil
	}
	return v.info != nil && os.SameFile(v.info, info) && v.info.ModTime().Equal(info.ModTime()) &&
		v.info.Size() == info.Size() && v.info.Mode() == info.Mode()
}

func (t *Tokens) load() *view {
	doc, info, err := readDocument(t.path())
	v := &view{info: info, doc: doc, err: err, byID: make(map[string]*entry, len(doc.Tokens)), senders: map[string]bool{}}
	for i := range doc.Tokens {
		tok := &doc.Tokens[i]
		v.byID[tok.ID] = tok
		if tok.Kind == KindSource || tok.Kind == KindNode {
			v.senders[tok.Name] = true
		}
	}
	return v
}

// entry is a token with the hash of its bearer token.
type entry struct {
	Token
	Hash string `json:"sha256"`
	sum  [sha256.Size]byte
}

func (d *document) add(g Grant, now time.Time) (Token, string, error) {
	if len(d.Tokens) >= maxTokens {
		return Token{}, "", fmt.Errorf("%w: there are %d tokens already, revoke some first", ErrGrant, maxTokens)
	}
	now = now.UTC().Truncate(time.Millisecond)
	e := entry{Token: Token{ID: randomText(idLength), Kind: g.Kind, Name: g.Name, Role: g.Role, Created: now}}
	if g.Lifetime > 0 {
		e.Expires = now.Add(g.Lifetime)
	}
	bearer := prefix + e.ID + "_" + randomText(keyLength)
	e.sum = hash(bearer)
	e.Hash = hex.EncodeToString(e.sum[:])
	d.Tokens = append(d.Tokens, e)
	return e.Token, bearer, nil
}
