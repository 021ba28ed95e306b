package vault

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
)

// Master wraps the data keys of a ring.
type Master struct{ key [keySize]byte }

// maxMaster bounds the file of a master key.
const maxMaster = 1 << 10

// ParseMaster reads a master key from text: 32 bytes as 64 hexadecimal digits or
// in base64.
func ParseMaster(text string) (Master, error) {
	text = strings.TrimSpace(text)
	b, err := hex.DecodeString(text)
	if err != nil {
		b, err = base64.StdEncoding.DecodeString(text)
	}
	// The text is a secret, and so it is not part of the error.
	if err != nil || len(b) != keySize {
		return Master{}, errors.New("parse master key: want 32 bytes as 64 hexadecimal digits or in base64")
	}
	return Master{key: [keySize]byte(b)}, nil
}

// ReadMaster reads the master key of a file, which only its owner may read.
func ReadMaster(path string) (Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return Master{}, fmt.Errorf("read master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Master{}, fmt.Errorf("read master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Master{}, fmt.Errorf("read master key %s: mode %04o lets others read it: want 0600 or 0400", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxMaster))
	if err != nil {
		return Master{}, fmt.Errorf("read master key: %w", err)
	}
	m, err := ParseMaster(string(b))
	if err != nil {
		return Master{}, fmt.Errorf("read %s: %w", path, err)
	}
	return m, nil
}

// EnsureMaster reads the master key of a file, or makes one, which is durable
// before it is returned. Two callers for one path must take turns.
func EnsureMaster(path string) (Master, error) {
	m, err := ReadMaster(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	fill(m.key[:])
	if err := durable.WriteFile(path, []byte(hex.EncodeToString(m.key[:])+"\n"), 0o600); err != nil {
		return Master{}, fmt.Errorf("write master key: %w", err)
	}
	return m, nil
}
