package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// manifest names the segments that make up the store. What it does not name is
// not part of it: a file written before a crash and not named is removed.
type manifest struct {
	Applied  uint64        `json:"applied"` // queue offsets below are stored
	NextID   uint64        `json:"next_id"`
	Segments []namedEntry  `json:"segments"` // those of a stream in order of their queue ranges
	Lost     []lostEntry   `json:"lost,omitempty"`
	Mended   []mendedEntry `json:"mended,omitempty"`
}

// namedEntry is one segment of a manifest.
type namedEntry struct {
	ID     uint64 `json:"id"`
	Stream string `json:"stream"`
	First  uint64 `json:"first"`
	Next   uint64 `json:"next"`
	Rows   int64  `json:"rows"`
	MinT   int64  `json:"min_time"`
	MaxT   int64  `json:"max_time"`
	Bytes  int64  `json:"bytes"`
	// Written is when the newest of its events was stored, Unix nanoseconds:
	// what retention by age goes by, whatever the events say of their time.
	Written int64  `json:"written"`
	Parts   uint64 `json:"parts,omitempty"` // see segment.Info
	Since   int64  `json:"since,omitempty"` // when the oldest of its events was stored; Written if 0
	// Unknown is of a segment that could not be opened when the manifest was made
	// anew: what it holds is not known, but that no offset from Next on was counted.
	Unknown bool `json:"unknown,omitempty"`
}

func (e namedEntry) info() segment.Info {
	return segment.Info{
		First: e.First, Next: e.Next, Rows: e.Rows, MinT: e.MinT, MaxT: e.MaxT, Bytes: e.Bytes, Written: e.Written,
		Stream: cmp.Or(e.Stream, DefaultStream), Parts: e.Parts,
	}
}

// ManifestName is the file of a store's folder that names its segments.
const ManifestName = "manifest"

const (
	manifestName    = ManifestName
	manifestVersion = "gatewatch store manifest 1"
	segmentSuffix   = ".gwseg"
)

func entryOf(id uint64, i segment.Info) namedEntry {
	return namedEntry{
		ID: id, Stream: cmp.Or(i.Stream, DefaultStream), First: i.First, Next: i.Next, Rows: i.Rows,
		MinT: i.MinT, MaxT: i.MaxT, Bytes: i.Bytes, Written: i.Written, Parts: i.Parts,
	}
}

func segmentName(id uint64) string { return fmt.Sprintf("%016x%s", id, segmentSuffix) }

// errNoManifest means that the directory holds no store yet.
var errNoManifest = errors.New("no manifest")

// readManifest reads the manifest of a directory.
func readManifest(dir string) (*manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoManifest
	}
	if err != nil {
		return nil, fmt.Errorf("read store manifest: %w", err)
	}
	return parseManifest(raw)
}

// errManifest means that a manifest is damaged.
var errManifest = errors.New("store manifest is damaged")

func parseManifest(raw []byte) (*manifest, error) {
	head, body, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || string(head) != manifestHead(body) {
		return nil, errManifest
	}
	m := &manifest{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: %w", errManifest, err)
	}
	return m, nil
}

// ParseManifest returns the files of the segments that a manifest names, and up
// to which queue offset (exclusive) they hold the events.
func ParseManifest(raw []byte) (names []string, applied uint64, err error) {
	m, err := parseManifest(raw)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range m.Segments {
		names = append(names, segmentName(e.ID))
	}
	return names, m.Applied, nil
}

func manifestHead(body []byte) string {
	return fmt.Sprintf("%s crc32c %08x", manifestVersion, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// write replaces the manifest of a directory. It is durable on return, and a
// crash leaves the old or the new one.
func (m *manifest) write(dir string, files files) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write store manifest: %w", err)
	}
	body = append(body, '\n')
	err = files.write(filepath.Join(dir, manifestName), func(f *os.File) error {
		_, err := f.Write(append([]byte(manifestHead(body)+"\n"), body...))
		return err
	})
	if err != nil {
		return fmt.Errorf("write store manifest: %w", err)
	}
	return nil
}
