package audit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatewatch/gatewatch/services/durable"
)

// Names in the folder of a log; FORMAT.md describes them.
const (
	keyFile        = "key"
	publicFile     = "key.pub"
	checkpointFile = "checkpoint"
	tailFile       = "tail"
	lockFile       = "lock"
	entriesDir     = "tile/entries"
	signedDir      = "checkpoints"
)

// numbered is the path of the nth file of a folder, as C2SP tlog-tiles has it:
// 1234067 is x001/x234/067.
func numbered(dir string, n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return filepath.Join(filepath.FromSlash(dir), filepath.FromSlash(path))
}

func tileDir(level int) string { return fmt.Sprintf("tile/%d", level) }

// appendEntry appends a leaf to a bundle of entries.
func appendEntry(b, leaf []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(leaf)))
	return append(b, leaf...)
}

var errEntries = errors.New("bundle of leaves is cut off")

// nextEntry takes the first leaf from a bundle of entries.
func nextEntry(b []byte) (leaf, rest []byte, err error) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, nil, errEntries
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n], b[n:], nil
}

func appendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// readTile reads the hashes of a finished tile.
func readTile(dir string, level int, n int64) ([]tlog.Hash, error) {
	b, err := readBounded(filepath.Join(dir, numbered(tileDir(level), n)), width*tlog.HashSize)
	if err != nil {
		return nil, err
	}
	if len(b) != width*tlog.HashSize {
		return nil, fmt.Errorf("tile has %d bytes, want %d", len(b), width*tlog.HashSize)
	}
	hashes := make([]tlog.Hash, width)
	for i := range hashes {
		copy(hashes[i][:], b[i*tlog.HashSize:])
	}
	return hashes, nil
}

// readBounded reads a file that may have so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(f, most+1)); err != nil {
		return nil, err
	} else if n > most {
		return nil, fmt.Errorf("%s has more than %d bytes", filepath.Base(path), most)
	}
	return b.Bytes(), nil
}

// writeNumbered writes a file of the log in its folder, both durable on return.
func writeNumbered(dir, path string, content []byte) error {
	if err := makeDirs(dir, filepath.Dir(path)); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, path), content, 0o600)
}

// makeDirs makes the folders of a path below dir. Their names are durable.
func makeDirs(dir, path string) error {
	for part := range strings.SplitSeq(path, string(filepath.Separator)) {
		parent := dir
		dir = filepath.Join(dir, part)
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			err = durable.SyncDir(parent)
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}
