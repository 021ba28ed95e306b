package ingest

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/gatewatch/gatewatch/services/access"
)

const (
	// maxIndices is how many indices of anonymous senders are sources of their
	// own. The documents of others are of the source "bulk".
	maxIndices  = 256
	bulkSource  = "bulk"
	indexPrefix = bulkSource + ":"
)

// indices knows which indices of anonymous senders are sources of their own: the
// first ones.
type indices struct {
	mu    sync.Mutex
	known map[string]bool // by source
}

// learn takes up the indices among sources, the latest of which are the last.
func (x *indices) learn(sources []string) {
	for _, source := range slices.Backward(sources) {
		if strings.HasPrefix(source, indexPrefix) {
			x.admit(source)
		}
	}
}

// admit tells whether an index is a source of its own, and makes it one while
// there is room.
func (x *indices) admit(source string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.known[source] {
		if len(x.known) >= maxIndices {
			return false
		}
		if x.known == nil {
			x.known = map[string]bool{}
		}
		x.known[strings.Clone(source)] = true
	}
	return true
}

// bulkSource is the source of documents for an index: the sender's name, else
// one made of the index, else "bulk".
func (c *call) bulkSource(index string) string {
	if c.from.Name != "" {
		return c.from.Name
	}
	if index == "" || checkIndex(index) != nil {
		return bulkSource
	}
	source := indexPrefix + index
	if _, err := c.from.Source(source, ""); errors.Is(err, access.ErrForbidden) || !c.sink.indices.admit(source) {
		return bulkSource
	}
	return source
}

// bulkID is the id of a document within its source. In the one that many
// indices share, an id belongs to its index, in whose name there is no slash.
func (c *call) bulkID(source string, it *bulkItem) string {
	if it.id == "" || c.from.Name != "" || source != bulkSource {
		return it.id
	}
	return it.index + "/" + it.id
}
