// Package backup copies the data folder of a server to another folder while the
// server runs, and makes a data folder from such a copy. A backup is consistent:
// a server that starts from it has every record that was acknowledged before the
// backup began, and can open what was encrypted until it ended.
//
// The folder of a backup holds the content of files under its SHA-256
// (objects/HASH), and one index that says which file has which content. What is
// there already is not copied again; the index is replaced when all it names is
// durable, so a backup that is killed leaves the one before as it was.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

const (
	indexName    = "backup.json"
	objectsName  = "objects"
	indexVersion = "gatewatch backup 1 sha256 "
)

// Index says what a backup holds.
type Index struct {
	Created time.Time `json:"created"` // when it was begun
	Version string    `json:"version"` // of the program
	Applied uint64    `json:"applied"` // queue offsets below are in segments of the store
	Files   []File    `json:"files"`   // by path
}

// File is one file of a data folder.
type File struct {
	Path     string      `json:"path"` // with slashes, in the data folder
	Mode     fs.FileMode `json:"mode"`
	Size     int64       `json:"size"`
	Modified int64       `json:"modified"` // Unix nanoseconds
	SHA256   string      `json:"sha256"`
	// Immutable files do not change any more: one of the same size and time has the
	// same content.
	Immutable bool `json:"immutable,omitempty"`
}

// of returns the file with a content.
func (f File) of(sum string) File {
	f.SHA256 = sum
	return f
}

// Bytes returns the size of all files.
func (x *Index) Bytes() int64 {
	var n int64
	for _, f := range x.Files {
		n += f.Size
	}
	return n
}

var errIndex = errors.New("index of the backup is damaged")

// Open reads the index of a backup and checks it, but not the content.
func Open(dir string) (*Index, error) {
	raw, err := os.ReadFile(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open backup: %s holds no complete backup: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	x, err := parseIndex(raw)
	if err != nil {
		return nil, fmt.Errorf("open backup %s: %w", dir, err)
	}
	return x, nil
}

func parseIndex(raw []byte) (*Index, error) {
	head, body, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || string(head) != indexHead(body) {
		return nil, errIndex
	}
	x := &Index{}
	if err := json.Unmarshal(body, x); err != nil {
		return nil, fmt.Errorf("%w: %w", errIndex, err)
	}
	for _, f := range x.Files {
		sum, err := hex.DecodeString(f.SHA256)
		if err != nil || len(sum) != sha256.Size || !isFile(f.Path) || f.Mode&^fs.ModePerm != 0 || f.Size < 0 {
			return nil, fmt.Errorf("%w: entry of %q", errIndex, f.Path)
		}
	}
	return x, nil
}

// isFile tells whether a path can be that of a file of a data folder.
func isFile(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return fs.ValidPath(name) && name != "." && filepath.IsLocal(filepath.FromSlash(name)) &&
		first != incomplete && first != incomplete+durable.Unfinished
}

// MasterNeeded tells whether the backup has a key ring and not the master key that
// wraps it.
func (x *Index) MasterNeeded() bool {
	has := func(name string) bool {
		return slices.ContainsFunc(x.Files, func(f File) bool { return f.Path == name })
	}
	return has(ringName) && !has(masterName)
}

func indexHead(body []byte) string {
	sum := sha256.Sum256(body)
	return indexVersion + hex.EncodeToString(sum[:])
}

// write replaces the index of a backup. It is durable on return.
func (x *Index) write(dir string) error {
	body, err := json.Marshal(x)
	if err != nil {
		return fmt.Errorf("write index of backup: %w", err)
	}
	body = append(body, '\n')
	raw := append([]byte(indexHead(body)+"\n"), body...)
	if err := durable.WriteFile(filepath.Join(dir, indexName), raw, 0o600); err != nil {
		return fmt.Errorf("write index of backup: %w", err)
	}
	return nil
}
