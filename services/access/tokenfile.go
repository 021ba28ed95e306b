//go:build unix

package access

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/services/durable"
)

// document is the content of tokens.json.
type document struct {
	Version int `json:"version"`
	// Bootstrapped says that the administrator's token was made once.
	Bootstrapped bool    `json:"bootstrapped"`
	Tokens       []entry `json:"tokens"`
}

const (
	documentVersion = 1
	maxTokens       = 10_000
	maxDocument     = 16 << 20
)

// update changes the file. While change runs, no other process changes it; on
// return the new content is durable, and valid in this process.
func (t *Tokens) update(change func(*document) error) error {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(t.lockPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // gives the lock back
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", t.lockPath(), err)
	}
	doc, info, err := readDocument(t.path())
	if err != nil {
		return err
	}
	doc.Tokens = slices.Clone(doc.Tokens)
	if err := change(&doc); err != nil {
		return err
	}
	data, err := json.MarshalIndent(&doc, "", "  ")
	if err != nil {
		return err
	}
	// Other processes see a change by the file's time, so it must rise.
	stamp := t.now()
	if info != nil && !stamp.After(info.ModTime()) {
		stamp = info.ModTime().Add(time.Microsecond)
	}
	return writePrivate(t.path(), append(data, '\n'), stamp)
}

// readDocument reads the file; a file that is not there is an empty one and has
// no info.
func readDocument(path string) (document, fs.FileInfo, error) {
	none := document{Version: documentVersion}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil, nil
	}
	if err != nil {
		return none, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return none, nil, err
	}
	if err := private(path, info); err != nil {
		return none, info, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return none, info, err
	}
	doc, err := parseDocument(data)
	if err != nil {
		return none, info, fmt.Errorf("parse %s: %w", path, err)
	}
	return doc, info, nil
}

func parseDocument(data []byte) (document, error) {
	var doc document
	if len(data) > maxDocument {
		return doc, fmt.Errorf("more than %d bytes", maxDocument)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return doc, err
	}
	if doc.Version != documentVersion {
		return doc, fmt.Errorf("version %d is not %d", doc.Version, documentVersion)
	}
	for i := range doc.Tokens {
		e := &doc.Tokens[i]
		if _, err := (Grant{Kind: e.Kind, Name: e.Name, Role: e.Role}).check(); err != nil {
			return doc, fmt.Errorf("token %q: %w", e.ID, err)
		}
		sum, err := hex.DecodeString(e.Hash)
		if err != nil || copy(e.sum[:], sum) != len(e.sum) || len(sum) != len(e.sum) {
			return doc, fmt.Errorf("token %q: sha256 is not a hash", e.ID)
		}
	}
	return doc, nil
}

// checkPrivate refuses a secret that others can read. A file that is not there
// is no error.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return private(path, info)
}

func private(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %#o and can be read or written by others: run chmod 600 on it, and revoke its tokens if others may have read them", path, mode)
	}
	return nil
}

// writePrivate replaces a file by one that its owner alone can read. On return
// it is durable; a crash leaves the old file or the new one. A time that is not
// zero becomes the file's. The lock is held.
func writePrivate(path string, data []byte, stamp time.Time) error {
	return durable.Write(path, 0o600, func(f *os.File) error {
		if _, err := f.Write(data); err != nil || stamp.IsZero() {
			return err
		}
		return os.Chtimes(f.Name(), stamp, stamp)
	})
}
