package audit

import (
	"fmt"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// Mark is where a log stood at some moment. The state keeps one, which
// tells whether a log is still that one: see [Log.Lost] and [Verify].
type Mark struct {
	Origin string // name of the log
	Size   int64  // leaves
	Root   string // of their tree, in base64
}

// Mark returns where the log stands.
func (l *Log) Mark() (Mark, error) {
	b, err := readBounded(filepath.Join(l.dir, checkpointFile), maxNote)
	if err != nil {
		return Mark{}, fmt.Errorf("read audit log: %w", missing(err))
	}
	size, root, err := openCheckpoint(b, l.verifier)
	if err != nil {
		return Mark{}, fmt.Errorf("read audit log: %w: %w", ErrDamaged, err)
	}
	return Mark{l.verifier.Name(), size, root.String()}, nil
}

// Lost says why the log does not go on from a mark, "" if it does.
func (l *Log) Lost(m Mark) (why string, err error) {
	if m.Origin != l.verifier.Name() {
		return m.lost(Mark{Origin: l.verifier.Name()}), nil
	}
	unlock, err := l.acquire()
	if err != nil {
		return "", err
	}
	defer unlock()
	p, err := load(l.dir, l.verifier)
	if err != nil {
		return "", fmt.Errorf("read audit log: %w", err)
	}
	defer p.tail.Close()
	if m.Size > p.tree.size {
		return m.lost(Mark{Origin: m.Origin, Size: p.tree.size}), nil
	}
	root, err := l.rootAt(m.Size, p)
	if err != nil {
		return "", fmt.Errorf("read audit log: %w", missing(err))
	}
	return m.lost(Mark{m.Origin, m.Size, root.String()}), nil
}

// rootAt is the root of the tree of the first leaves, of which p has the tail.
func (l *Log) rootAt(size int64, p *place) (tlog.Hash, error) {
	// A tail may hold a whole bundle that has no tile yet.
	finished := min(size-size%width, p.tree.size-int64(len(p.leaves)))
	t, err := treeOf(l.dir, finished)
	if err != nil {
		return tlog.Hash{}, err
	}
	var more []tlog.Hash // those of the bundle that has the last one
	switch {
	case t.size == size:
	case t.size == p.tree.size-int64(len(p.leaves)):
		for _, leaf := range p.leaves {
			more = append(more, tlog.RecordHash(leaf))
		}
	default:
		if more, err = readTile(l.dir, 0, size/width); err != nil {
			return tlog.Hash{}, err
		}
	}
	for _, h := range more[:size-t.size] {
		t.add(h)
	}
	return t.root(), nil
}

// lost says why a log that stands at now, or stood there when it had as many
// leaves as the mark, does not go on from the mark; "" if it does.
func (m Mark) lost(now Mark) string {
	switch {
	case m.Origin != now.Origin:
		return fmt.Sprintf("the state remembers another log: %s with %d leaves", m.Origin, m.Size)
	case m.Size > now.Size:
		return fmt.Sprintf("the state remembers a longer log: it had %d leaves, this one has %d", m.Size, now.Size)
	case m.Root != now.Root:
		return fmt.Sprintf("the state remembers other leaves: not all of the first %d are those that were there", m.Size)
	}
	return ""
}
