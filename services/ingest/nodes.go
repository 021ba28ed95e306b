package ingest

import (
	"slices"
	"strings"
	"sync"
	"time"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// Node is what is known of a WAF node since the server started.
type Node struct {
	Name      string
	Version   string
	Ruleset   string
	Sites     []string
	Connected bool
	Peer      string
	LastSeen  time.Time
	Overflow  uint64        // records refused by its full spool since its epoch began
	Spooled   uint64        // records in its spool
	Lag       time.Duration // age of the oldest of these when it was last told
	Bundle    string        // in use for all requests, "" for none
	Candidate string        // that is being tried out, "" for none
}

const (
	maxNodes    = 10_000
	maxSites    = 256
	maxNodeText = 256
	maxLag      = 10 * 365 * 24 * 3600 * 1000 // milliseconds
)

// nodes is the registry of nodes.
type nodes struct {
	mu     sync.Mutex
	byName map[string]*nodeState
}

type nodeState struct {
	node    Node
	streams int
}

func newNodes() *nodes {
	return &nodes{byName: map[string]*nodeState{}}
}

// connect notes that a node said hello.
func (n *nodes) connect(name, from string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	st := n.byName[name]
	if st == nil {
		if len(n.byName) >= maxNodes {
			n.forget()
		}
		st = &nodeState{node: Node{Name: name}}
		n.byName[name] = st
	}
	st.streams++
	st.node.Peer, st.node.LastSeen = from, at
}

// forget drops the node that is away for longest. n.mu is held.
func (n *nodes) forget() {
	var oldest *nodeState
	for _, st := range n.byName {
		if st.streams == 0 && (oldest == nil || st.node.LastSeen.Before(oldest.node.LastSeen)) {
			oldest = st
		}
	}
	if oldest != nil {
		delete(n.byName, oldest.node.Name)
	}
}

func (n *nodes) disconnect(name string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if st := n.byName[name]; st != nil {
		st.streams--
		st.node.LastSeen = at
	}
}

// seen notes that a node sent something, and its status if that is not nil.
func (n *nodes) seen(name string, status *gatewatchv1.NodeStatus, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	st := n.byName[name]
	if st == nil {
		return
	}
	st.node.LastSeen = at
	if status == nil {
		return
	}
	st.node.Version, st.node.Ruleset = clip(status.GetVersion()), clip(status.GetRuleset())
	st.node.Overflow, st.node.Spooled = status.GetSpoolOverflow(), status.GetSpoolRecords()
	st.node.Lag = time.Duration(min(status.GetSpoolAgeMs(), maxLag)) * time.Millisecond
	st.node.Bundle, st.node.Candidate = clip(status.GetStableBundle()), clip(status.GetCandidateBundle())
	st.node.Sites = st.node.Sites[:0:0]
	for _, site := range status.GetSites()[:min(len(status.GetSites()), maxSites)] {
		st.node.Sites = append(st.node.Sites, clip(site))
	}
}

// clip bounds a text that a node says about itself.
func clip(s string) string {
	return strings.ToValidUTF8(strings.Clone(s[:min(len(s), maxNodeText)]), "?")
}

// all returns the nodes in order of their names.
func (n *nodes) all() []Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]Node, 0, len(n.byName))
	for _, st := range n.byName {
		node := st.node
		node.Connected = st.streams > 0
		node.Sites = slices.Clone(node.Sites)
		list = append(list, node)
	}
	slices.SortFunc(list, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return list
}
