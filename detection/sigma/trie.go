package sigma

import "sort"

// trie finds which of many literals a text begins with, or ends with if it was
// built from reversed ones. Nodes are joined where they have one child only.
type trie struct {
	root  [256]int32 // node+1 by first byte
	nodes []trieNode
	bytes []byte // labels
	first []byte // first byte of each node's label, for the search among siblings
}

type trieNode struct {
	label      int32 // offset in bytes
	size       int32
	child      int32 // first child; children are neighbours in order of their first byte
	children   int32
	whole      span // literals that are the whole text
	start      span // literals that the text goes on after
	hasLiteral bool
}

// span is a range of a list of postings.
type span struct{ from, to int32 }

// trieEntry is one literal and what to report for it.
type trieEntry struct {
	text  string
	whole bool // the text must end with it
	post  span
}

// newTrie builds a trie; of equal text and whole there must be one entry only.
func newTrie(entries []trieEntry) *trie {
	if len(entries) == 0 {
		return nil
	}
	sort.Slice(entries, func(i, j int) bool {
		if entries[i].text != entries[j].text {
			return entries[i].text < entries[j].text
		}
		return entries[i].whole && !entries[j].whole
	})
	t := &trie{}
	t.add(trieNode{}, 0)
	t.build(0, entries, 0)
	for i := t.nodes[0].child; i < t.nodes[0].child+t.nodes[0].children; i++ {
		t.root[t.first[i]] = i + 1
	}
	return t
}

func (t *trie) add(n trieNode, first byte) {
	t.nodes = append(t.nodes, n)
	t.first = append(t.first, first)
}

// build fills node at, whose literals share depth bytes.
func (t *trie) build(at int, entries []trieEntry, depth int) {
	for len(entries) > 0 && len(entries[0].text) == depth {
		n := &t.nodes[at]
		n.hasLiteral = true
		if entries[0].whole {
			n.whole = entries[0].post
		} else {
			n.start = entries[0].post
		}
		entries = entries[1:]
	}
	type group struct {
		entries []trieEntry
		depth   int
	}
	var groups []group
	child := len(t.nodes)
	for len(entries) > 0 {
		n := sort.Search(len(entries), func(i int) bool { return entries[i].text[depth] != entries[0].text[depth] })
		end := commonPrefix(entries[0].text, entries[n-1].text)
		label := entries[0].text[depth:end]
		t.add(trieNode{label: int32(len(t.bytes)), size: int32(len(label))}, label[0])
		t.bytes = append(t.bytes, label...)
		groups = append(groups, group{entries[:n], end})
		entries = entries[n:]
	}
	t.nodes[at].child, t.nodes[at].children = int32(child), int32(len(groups))
	for i, g := range groups {
		t.build(child+i, g.entries, g.depth)
	}
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// next returns the child of a node for a byte, or -1.
func (t *trie) next(n *trieNode, c byte) int32 {
	for i := n.child; i < n.child+n.children; i++ {
		if t.first[i] == c {
			return i
		}
	}
	return -1
}

// forward calls hit with the postings of all literals that text begins with.
func (t *trie) forward(text []byte, hit func(span)) {
	t.report(&t.nodes[0], len(text) == 0, hit)
	if len(text) == 0 {
		return
	}
	at, depth := t.root[text[0]]-1, 0
	for at >= 0 {
		n := &t.nodes[at]
		size := int(n.size)
		if len(text)-depth < size {
			return
		}
		label := t.bytes[n.label : n.label+n.size]
		for i := 1; i < size; i++ { // the first byte led here
			if text[depth+i] != label[i] {
				return
			}
		}
		depth += size
		t.report(n, depth == len(text), hit)
		if depth == len(text) {
			return
		}
		at = t.next(n, text[depth])
	}
}

// backward is forward for text read from its end.
func (t *trie) backward(text []byte, hit func(span)) {
	last := len(text) - 1
	t.report(&t.nodes[0], last < 0, hit)
	if last < 0 {
		return
	}
	at, depth := t.root[text[last]]-1, 0
	for at >= 0 {
		n := &t.nodes[at]
		size := int(n.size)
		if len(text)-depth < size {
			return
		}
		label := t.bytes[n.label : n.label+n.size]
		for i := 1; i < size; i++ {
			if text[last-depth-i] != label[i] {
				return
			}
		}
		depth += size
		t.report(n, depth == len(text), hit)
		if depth == len(text) {
			return
		}
		at = t.next(n, text[last-depth])
	}
}

func (t *trie) report(n *trieNode, end bool, hit func(span)) {
	if !n.hasLiteral {
		return
	}
	if end && n.whole.from < n.whole.to {
		hit(n.whole)
	}
	if n.start.from < n.start.to {
		hit(n.start)
	}
}
