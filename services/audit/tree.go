package audit

import (
	"crypto/sha256"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// width is how many hashes a tile has: 2^8, as C2SP tlog-tiles wants it.
const width = 256

// tree is the Merkle tree of RFC 6962, as much of it as new leaves need: of each
// level of tiles the unfinished one at the right edge.
type tree struct {
	size  int64
	edges [][]tlog.Hash // by level; each has fewer than width
}

// tile is a finished tile.
type tile struct {
	level  int
	index  int64
	hashes []tlog.Hash
}

// clone returns a tree that can grow apart from this one.
func (t *tree) clone() *tree {
	c := &tree{size: t.size, edges: make([][]tlog.Hash, len(t.edges))}
	for i, e := range t.edges {
		c.edges[i] = slices.Clone(e)
	}
	return c
}

// add appends the hash of a leaf and returns the tiles that it finishes, the
// lowest first.
func (t *tree) add(h tlog.Hash) (full []tile) {
	t.size++
	for level := 0; ; level++ {
		if level == len(t.edges) {
			t.edges = append(t.edges, nil)
		}
		t.edges[level] = append(t.edges[level], h)
		if len(t.edges[level]) < width {
			return full
		}
		hashes := t.edges[level]
		full = append(full, tile{level, t.size>>(8*(level+1)) - 1, hashes})
		t.edges[level] = nil
		h = perfect(hashes)
	}
}

// root returns the hash of the whole tree.
func (t *tree) root() tlog.Hash {
	root, some := tlog.Hash(sha256.Sum256(nil)), false
	for _, e := range t.edges { // the lowest are rightmost
		for n := len(e); n > 0; n &= n - 1 {
			last := n & -n // the smallest perfect tree at the right end
			h := perfect(e[n-last : n])
			if some {
				h = tlog.NodeHash(h, root)
			}
			root, some = h, true
		}
	}
	return root
}

// perfect returns the hash of a tree of 2^n hashes.
func perfect(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}
