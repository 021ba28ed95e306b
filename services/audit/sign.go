package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatewatch/gatewatch/services/durable"
)

// originPrefix begins the origin of every log, which is also the name of its key.
const originPrefix = "gatewatch/audit/"

// makeKeys makes the keys of a new log. The private one is not shown to others.
func makeKeys(dir string) error {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never returns an error: crypto/rand
	private, public, err := note.GenerateKey(rand.Reader, originPrefix+hex.EncodeToString(id[:]))
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, publicFile), []byte(public+"\n"), 0o644); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, keyFile), []byte(private+"\n"), 0o600)
}

// signerOf reads the private key. One that others can read is refused.
func signerOf(dir string) (note.Signer, error) {
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %#o and can be read by others: run chmod 600 on it", path, mode)
	}
	b, err := readBounded(path, maxNote)
	if err != nil {
		return nil, err
	}
	s, err := note.NewSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", keyFile, err)
	}
	return s, nil
}

// verifierOf reads a public key from a file.
func verifierOf(path string) (note.Verifier, error) {
	b, err := readBounded(path, maxNote)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return v, nil
}

// sign returns the signed checkpoint of a tree (C2SP tlog-checkpoint).
func sign(t *tree, s note.Signer) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", s.Name(), t.size, t.root())
	b, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return b, nil
}

var errCheckpoint = errors.New("checkpoint is not signed by the key of this log")

// openCheckpoint returns what a signed checkpoint says, if the signature is right.
func openCheckpoint(b []byte, v note.Verifier) (size int64, root tlog.Hash, err error) {
	n, err := note.Open(b, note.VerifierList(v))
	if err != nil {
		return 0, root, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	// Two texts of one signature would be two files of one log.
	_, err = base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil || string(b) != fmt.Sprintf("%s\n\u2014 %s %s\n", n.Text, v.Name(), n.Sigs[0].Base64) {
		return 0, root, fmt.Errorf("%w: it is of another form", errCheckpoint)
	}
	var rest string
	if _, err := fmt.Sscanf(strings.TrimPrefix(n.Text, v.Name()+"\n"), "%d\n%s", &size, &rest); err != nil {
		return 0, root, fmt.Errorf("read checkpoint: %w", err)
	}
	if root, err = tlog.ParseHash(rest); err != nil {
		return 0, root, fmt.Errorf("read checkpoint: %w", err)
	}
	want := fmt.Sprintf("%s\n%d\n%s\n", v.Name(), size, root)
	if size < 0 || n.Text != want {
		return 0, root, errors.New("read checkpoint: it is of another log, or of another form")
	}
	return size, root, nil
}

// matches tells whether a signed checkpoint is that of a tree.
func matches(t *tree, signed []byte, v note.Verifier) error {
	size, root, err := openCheckpoint(signed, v)
	switch r := t.root(); {
	case err != nil:
		return err
	case size != t.size:
		return fmt.Errorf("there are %d leaves where %d were signed", t.size, size)
	case !bytes.Equal(root[:], r[:]):
		return errors.New("leaves are not those that were signed")
	}
	return nil
}
