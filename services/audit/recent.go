package audit

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Recent calls yield with the leaves from the newest back until it returns false.
// They are as they lie on disk; only those of the tail are checked.
func (l *Log) Recent(yield func(Leaf) bool) error {
	b, err := readTail(l.dir)
	if err != nil {
		return fmt.Errorf("read audit log: %w", missing(err))
	}
	first, err := tailFirst(b)
	if err != nil {
		return fmt.Errorf("read audit log: %w: %w", ErrDamaged, err)
	}
	p := &place{tree: &tree{}}
	if p.tree, err = treeOf(l.dir, first); err == nil {
		err = p.replay(b, l.verifier)
	}
	if err != nil {
		return fmt.Errorf("read audit log: %w", err)
	}
	leaves := p.leaves
	for n := first/width - 1; ; n-- {
		for _, text := range slices.Backward(leaves) {
			leaf, err := parseLeaf(text)
			if err != nil {
				return fmt.Errorf("read audit log: %w", err)
			}
			if !yield(leaf) {
				return nil
			}
		}
		if n < 0 {
			return nil
		}
		if leaves, err = readBundle(l.dir, n); err != nil {
			return fmt.Errorf("read audit log: %w", missing(err))
		}
	}
}

// readBundle reads the leaves of a finished bundle.
func readBundle(dir string, n int64) (leaves [][]byte, err error) {
	b, err := readBounded(filepath.Join(dir, numbered(entriesDir, n)), width*(2+maxLeaf))
	for err == nil && len(b) > 0 {
		var leaf []byte
		leaf, b, err = nextEntry(b)
		leaves = append(leaves, leaf)
	}
	return leaves, err
}
