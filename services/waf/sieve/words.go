package sieve

import "strings"

// words is @pm: it matches a string that holds any of its words, whatever the
// case of their ASCII letters (the automaton of Aho and Corasick).
type words struct {
	root  [256]int32
	nodes []wordNode
}

type wordNode struct {
	bytes string // in no order, of the edges
	next  []int32
	fail  int32
	found bool // a word ends here
}

// newWords takes words in lower case. It returns nil if there is an empty one,
// which all strings hold.
func newWords(all []string) matcher {
	w := &words{nodes: make([]wordNode, 1)}
	for _, word := range all {
		if word == "" {
			return nil
		}
		at := int32(0)
		for i := 0; i < len(word); i++ {
			c := lower(word[i])
			next := w.child(at, c)
			if next == 0 {
				next = int32(len(w.nodes))
				w.nodes = append(w.nodes, wordNode{})
				w.nodes[at].bytes += string([]byte{c})
				w.nodes[at].next = append(w.nodes[at].next, next)
			}
			at = next
		}
		w.nodes[at].found = true
	}
	w.link()
	return w
}

// wordLines are the words of a file, one a line.
func wordLines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, strings.ToLower(line))
		}
	}
	return all
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// child returns 0 for none.
func (w *words) child(at int32, c byte) int32 {
	n := &w.nodes[at]
	if i := strings.IndexByte(n.bytes, c); i >= 0 {
		return n.next[i]
	}
	return 0
}

// link finds for each node the longest other one that its end is the text of.
func (w *words) link() {
	queue := []int32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for i, child := range w.nodes[at].next {
			c := w.nodes[at].bytes[i]
			if at != 0 {
				w.nodes[child].fail = w.follow(w.nodes[at].fail, c)
			}
			w.nodes[child].found = w.nodes[child].found || w.nodes[w.nodes[child].fail].found
			queue = append(queue, child)
		}
	}
	for c := range w.root {
		w.root[c] = w.child(0, lower(byte(c)))
	}
}

func (w *words) follow(at int32, c byte) int32 {
	for {
		if next := w.child(at, c); next != 0 || at == 0 {
			return next
		}
		at = w.nodes[at].fail
	}
}

func (w *words) match(s string) (matches, known bool) {
	at := int32(0)
	for i := 0; i < len(s); i++ {
		if at == 0 {
			at = w.root[s[i]]
		} else {
			at = w.follow(at, lower(s[i]))
		}
		if w.nodes[at].found {
			return true, true
		}
	}
	return false, true
}
