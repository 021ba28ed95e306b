package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatewatch/gatewatch/services/durable"
)

// place is where a log stands: what the next batch goes on from.
type place struct {
	tree       *tree
	leaves     [][]byte // of the tail
	tail       *os.File
	end        int64  // of the tail, behind its last batch
	checkpoint []byte // content of the file
	torn       int64  // bytes of a batch that a crash has cut off
}

// create makes an empty log.
func create(dir string, s note.Signer) error {
	signed, err := sign(&tree{}, s)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(dir, tailFile), newTail(0), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, checkpointFile), signed, 0o600)
}

// load reads where a log stands. ErrDamaged means that it cannot go on. The lock
// is held.
func load(dir string, v note.Verifier) (*place, error) {
	p := &place{}
	var err error
	if p.checkpoint, err = readBounded(filepath.Join(dir, checkpointFile), maxNote); err != nil {
		return nil, missing(err)
	}
	size, _, err := openCheckpoint(p.checkpoint, v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	b, err := readTail(dir)
	if err != nil {
		return nil, missing(err)
	}
	first, err := tailFirst(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if p.tree, err = treeOf(dir, first); err != nil {
		return nil, missing(err)
	}
	if err := p.replay(b, v); err != nil {
		return nil, err
	}
	if p.tree.size < size {
		return nil, fmt.Errorf("%w: it ends before leaf %d, which was signed", ErrDamaged, p.tree.size)
	}
	if p.tree.size == size {
		if err := matches(p.tree, p.checkpoint, v); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	p.tail, err = os.OpenFile(filepath.Join(dir, tailFile), os.O_RDWR, 0)
	return p, err
}

// missing makes a file that is not there a damage.
func missing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// replay adds the batches of a tail to the tree. Each is signed, so what a crash
// left without being acknowledged is ours as well.
func (p *place) replay(b []byte, v note.Verifier) error {
	at := tailHead
	for at < len(b) {
		x, err := nextBatch(b, at)
		if errors.Is(err, errTorn) {
			p.torn = int64(len(b) - at)
			break
		}
		if err == nil && x.strange() >= 0 {
			err = errBatch
		}
		if err == nil {
			for _, h := range x.hashes {
				p.tree.add(h)
			}
			err = matches(p.tree, x.signed, v)
		}
		if err != nil {
			return fmt.Errorf("%w: batch from leaf %d on: %w", ErrDamaged, p.tree.size, err)
		}
		p.leaves = append(p.leaves, x.leaves...)
		at = x.end
	}
	p.end = int64(at)
	return nil
}

// treeOf returns the tree of the first leaves, whose bundles are finished.
func treeOf(dir string, size int64) (*tree, error) {
	t := &tree{size: size}
	for level := 0; size>>(8*level) > 0; level++ {
		var edge []tlog.Hash
		n := size >> (8 * level) // hashes of this level
		for i := n &^ (width - 1); i < n; i++ {
			below, err := readTile(dir, level-1, i)
			if err != nil {
				return nil, err
			}
			edge = append(edge, perfect(below))
		}
		t.edges = append(t.edges, edge)
	}
	return t, nil
}
