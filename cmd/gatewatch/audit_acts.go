package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/store"
)

// storeDir is the folder of the store in a data folder.
const storeDir = "store"

// openAudit opens the audit log, unless it is open. A damaged one is set aside:
// its content stays as evidence, and a new one begins that names it.
func (v *server) openAudit() (err error) {
	if v.audit != nil {
		return nil
	}
	dir := filepath.Join(v.settings.Data, audit.Dir)
	v.audit, err = audit.Open(dir, time.Now)
	detail := map[string]string{}
	if errors.Is(err, audit.ErrDamaged) {
		v.log.Error("audit log is damaged, a new one begins", "error", err)
		if detail["after"], err = audit.SetAside(dir, time.Now()); err != nil {
			return err
		}
		v.audit, err = audit.Open(dir, time.Now)
	}
	if err != nil {
		return err
	}
	v.sealer = audit.NewSealer(v.audit, filepath.Join(v.settings.Data, storeDir))
	if !v.audit.Made() {
		return nil
	}
	_, err = v.audit.Append(context.Background(), audit.Leaf{Actor: audit.Server, Act: audit.ActBegin, Detail: detail})
	return err
}

// openTokens opens the tokens, whose changes are audited.
func (v *server) openTokens() (*access.Tokens, error) {
	tokens, err := access.OpenTokens(v.settings.Data, time.Now, v.log)
	if err != nil {
		return nil, err
	}
	tokens.Audit(auditTokens(v.audit))
	return tokens, nil
}

// auditTokens writes a leaf for each change of the tokens.
func auditTokens(log *audit.Log) func(access.Act) error {
	return func(a access.Act) error {
		l := audit.Leaf{Actor: a.By, Act: audit.ActToken, Object: a.Token.ID, Detail: map[string]string{
			"kind": string(a.Token.Kind), "name": a.Token.Name, "role": string(a.Token.Role),
		}}
		if a.Revoked {
			l.Act = audit.ActRevoke
		}
		if !a.Token.Expires.IsZero() {
			l.Detail["expires"] = a.Token.Expires.Format(time.RFC3339)
		}
		_, err := log.Append(context.Background(), l)
		return err
	}
}

// auditRules writes a leaf for the rules that are put in use.
func (v *server) auditRules(fingerprint string) error {
	_, err := v.audit.Append(context.Background(), audit.Leaf{Actor: audit.Server, Act: audit.ActRuleset, Object: fingerprint})
	return err
}

// auditStart writes a leaf for the configuration that comes in use.
func (v *server) auditStart(act string, s settings) error {
	var text bytes.Buffer
	if err := s.print(&text); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	sum := sha256.Sum256(text.Bytes())
	_, err := v.audit.Append(context.Background(), audit.Leaf{
		Actor: localUser(), Act: act, Object: version, Detail: map[string]string{"config": hex.EncodeToString(sum[:])},
	})
	return err
}

// openSegments opens the store. Each change of its segments is audited.
func (v *server) openSegments(c store.Config) (err error) {
	if err := v.openAudit(); err != nil {
		return err
	}
	c.Log, c.Metrics, c.Audit = v.log, v.metrics, v.auditSegments
	if v.store, err = store.Open(filepath.Join(v.settings.Data, storeDir), c); err != nil {
		return err
	}
	return v.sealer.Settle(context.Background(), v.store.SegmentNames())
}

// auditSegments writes the leaves of a change of the store's segments.
func (v *server) auditSegments(c store.Change) (done func(bool), err error) {
	var added []audit.Segment
	for _, s := range c.Added {
		x := audit.Segment{Name: s.Name, Stream: s.Stream, First: s.First, Next: s.Next, Rows: s.Rows}
		if m := s.Mended; m != nil {
			x.Mended = &audit.Mended{Made: m.Made, Lost: m.Lost, Found: m.Found}
		}
		added = append(added, x)
	}
	return v.sealer.Change(context.Background(), c.Named, added, c.Removed, c.Why)
}

// leafTime writes a bound of time in a leaf, "" if there is none.
func leafTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// localUser names who runs this program, for the audit log.
func localUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "user " + strconv.Quote(u.Username) + " of this machine"
	}
	return fmt.Sprintf("user %d of this machine", os.Getuid())
}
