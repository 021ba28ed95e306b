package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Broken says what is wrong with a log, and where.
type Broken struct {
	Position int64  // index of the first leaf that cannot be trusted; all before it can
	Reason   string //
}

func (b *Broken) Error() string { return fmt.Sprintf("leaf %d: %s", b.Position, b.Reason) }

// Checked is what a log that is sound holds.
type Checked struct {
	Leaves     int64  `json:"leaves"`
	Origin     string `json:"origin"`     // of the checkpoint: the name of the log and its key
	Root       string `json:"root"`       // of the tree, in base64
	Unfinished int64  `json:"unfinished"` // bytes of a batch that a crash has cut off; it was not acknowledged
}

// Verify checks all leaves of a log against their hashes, the tree, and the
// signatures, and calls each with every leaf that is sound, in order. public is
// a file that holds the public key, kept where the log is not; if it is empty
// the one beside the log has to do. marks are where the log is known to have
// stood; it has to go on from each. A *Broken error names the first position
// that is not sound; other errors are of the disk, or of each. It needs no
// server, and may run beside one.
func Verify(dir, public string, marks []Mark, each func(index int64, l Leaf) error) (Checked, error) {
	c := &check{dir: dir, tree: &tree{}, each: each, roots: map[int64]string{}}
	for _, m := range marks {
		c.roots[m.Size] = ""
	}
	c.note(c.tree)
	if public == "" {
		public = filepath.Join(dir, publicFile)
	}
	var err error
	if c.verifier, err = verifierOf(public); err != nil {
		return Checked{}, fmt.Errorf("verify audit log: %w", err)
	}
	if err := c.all(); err != nil {
		return Checked{}, fmt.Errorf("verify audit log: %w", err)
	}
	for _, m := range marks {
		if err := c.goesOn(m); err != nil {
			return Checked{}, fmt.Errorf("verify audit log: %w", err)
		}
	}
	return Checked{Leaves: c.tree.size, Origin: c.verifier.Name(), Root: c.tree.root().String(), Unfinished: c.torn}, nil
}

// check is the state of a verification.
type check struct {
	dir      string
	verifier note.Verifier
	each     func(int64, Leaf) error
	tree     *tree // of the leaves that are sound
	torn     int64
	roots    map[int64]string // of the trees of as many leaves as marks have, "" for those to come
}

// note keeps the root of a tree that a mark is about.
func (c *check) note(t *tree) {
	if _, ok := c.roots[t.size]; ok {
		c.roots[t.size] = t.root().String()
	}
}

// goesOn compares the log, whose leaves are all sound, with a mark.
func (c *check) goesOn(m Mark) error {
	now := Mark{c.verifier.Name(), m.Size, c.roots[m.Size]}
	if m.Size > c.tree.size {
		now.Size = c.tree.size
	}
	why := m.lost(now)
	if why == "" {
		return nil
	}
	first := int64(0)
	if now.Size < m.Size && now.Origin == m.Origin {
		first = now.Size
	}
	return &Broken{first, why}
}

// all checks the parts. The checkpoint is read first and the tail before the
// bundles: beside a server each may then only have more than what was read.
func (c *check) all() error {
	signed, err := readBounded(filepath.Join(c.dir, checkpointFile), maxNote)
	if err != nil {
		return c.missing(checkpointFile, err)
	}
	size, _, err := openCheckpoint(signed, c.verifier)
	if err != nil {
		return c.broken("%v", err)
	}
	b, err := readTail(c.dir)
	if err != nil {
		return c.missing(tailFile, err)
	}
	first, err := tailFirst(b)
	if err != nil {
		return c.broken("%v", err)
	}
	for c.tree.size < first {
		if err := c.bundle(); err != nil {
			return err
		}
	}
	if err := c.tail(b); err != nil {
		return err
	}
	if c.tree.size < size {
		return c.broken("the log ends here, but %d leaves were signed", size)
	}
	if c.tree.size == size {
		if err := matches(c.tree, signed, c.verifier); err != nil {
			return c.broken("checkpoint: %v", err)
		}
	}
	return nil
}

func (c *check) broken(format string, args ...any) error {
	return &Broken{c.tree.size, fmt.Sprintf(format, args...)}
}

// missing makes of a file that is not there, or not of the right size, what it
// is: a break. That the disk cannot be read is none.
func (c *check) missing(name string, err error) error {
	var disk *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.broken("%s is missing", name)
	case errors.As(err, &disk):
		return err
	}
	return c.broken("%s: %v", name, err)
}

// bundle checks the next finished bundle, its tile and the checkpoint of its end.
func (c *check) bundle() error {
	n := c.tree.size / width
	name := numbered(entriesDir, n)
	entries, err := readBounded(filepath.Join(c.dir, name), width*(2+maxLeaf))
	if err != nil {
		return c.missing(name, err)
	}
	hashes, err := readTile(c.dir, 0, n)
	if err != nil {
		return c.missing(numbered(tileDir(0), n), err)
	}
	t := c.tree.clone()
	var leaves [][]byte
	var full []tile
	for i, h := range hashes {
		leaf, rest, err := nextEntry(entries)
		if err != nil || tlog.RecordHash(leaf) != h {
			return &Broken{c.tree.size + int64(i), "leaf is not the one whose hash is in " + numbered(tileDir(0), n)}
		}
		full = append(full, t.add(h)...)
		c.note(t)
		leaves, entries = append(leaves, leaf), rest
	}
	if len(entries) > 0 {
		return &Broken{t.size, fmt.Sprintf("%s goes on behind its last leaf", name)}
	}
	name = numbered(signedDir, n)
	signed, err := readBounded(filepath.Join(c.dir, name), maxNote)
	if err != nil {
		return c.missing(name, err)
	}
	if err := matches(t, signed, c.verifier); err != nil {
		return c.broken("one of the leaves %d to %d was changed together with its hash: %v", c.tree.size, t.size-1, err)
	}
	for _, x := range full[1:] {
		if err := c.upper(x); err != nil {
			return err
		}
	}
	return c.accept(t, leaves)
}

// upper checks a finished tile above the lowest level.
func (c *check) upper(x tile) error {
	name := numbered(tileDir(x.level), x.index)
	hashes, err := readTile(c.dir, x.level, x.index)
	if err != nil {
		return c.missing(name, err)
	}
	for i := range hashes {
		if hashes[i] != x.hashes[i] {
			return &Broken{(x.index*width + int64(i)) << (8 * x.level), name + " does not follow from the leaves"}
		}
	}
	return nil
}

// tail checks the batches of the unfinished bundle.
func (c *check) tail(b []byte) error {
	for at := tailHead; at < len(b); {
		x, err := nextBatch(b, at)
		if errors.Is(err, errTorn) {
			c.torn = int64(len(b) - at)
			return nil
		}
		if i := x.strange(); i >= 0 {
			return &Broken{c.tree.size + int64(i), "leaf is not the one whose hash is beside it"}
		}
		if err != nil {
			return c.broken("%v", err)
		}
		t := c.tree.clone()
		for _, h := range x.hashes {
			t.add(h)
			c.note(t)
		}
		if err := matches(t, x.signed, c.verifier); err != nil {
			return c.broken("batch from here to leaf %d: %v", t.size-1, err)
		}
		if err := c.accept(t, x.leaves); err != nil {
			return err
		}
		at = x.end
	}
	return nil
}

// accept hands over leaves that are sound.
func (c *check) accept(t *tree, leaves [][]byte) error {
	for i, text := range leaves {
		l, err := parseLeaf(text)
		if err != nil {
			return &Broken{c.tree.size + int64(i), err.Error()}
		}
		if c.each == nil {
			continue
		}
		if err := c.each(c.tree.size+int64(i), l); err != nil {
			return err
		}
	}
	c.tree = t
	return nil
}
