package sigma

import (
	"math"
	"math/bits"
)

const (
	groupPage    = 1 << 10 // groups that are allocated together
	groupBytes   = 112     // of a group without key and entries, its place in the table included
	entryBytes   = 16
	firstEntries = 1
)

// never is the time at which a group fired that has not.
const never = math.MinInt64

// group is what is kept of one group of one correlation.
type group struct {
	key     string
	entries []entry // by time, then arrival
	chain   *chain  // nil for none
	hash    uint64
	touched int64 // clock at the last event
	fired   int64 // time of the event at which it last fired, or never
	corr    int32
	newer   uint32 // neighbours in order of touch, as index + 1; 0 for none
	older   uint32
}

// entry is one event of a group: its time and what the type of the correlation
// looks at, which is a number's bits, a value's hash or a reference's index.
type entry struct {
	t int64
	v uint64
}

// bytes returns the memory of a group, by powers of two so that it does not
// depend on how the group came to be.
func (g *group) bytes() int64 {
	n := groupBytes + int64(8+len(g.key))&^7 + int64(cap(g.entries))*entryBytes
	if g.chain != nil {
		n += chainBytes + int64(len(g.chain.times))*16
	}
	return n
}

// groupTable holds groups by number and finds them by correlation and key. Each
// correlation has a list of its groups in order of their last event.
type groupTable struct {
	pages []*[groupPage]group
	used  uint32   // numbers given out
	free  uint32   // first free number + 1, linked through older
	slots []uint64 // open addressing: number + 1, and above it the upper half of the hash
	live  int
	bytes int64
	lists []groupList
	begun map[uint32][]begun // of groups that correlations feed
}

type groupList struct {
	newest, oldest uint32 // index + 1; 0 for none
	live           int
	bytes          int64
	chained        int // times in the chain of a group with many entries
}

func (gt *groupTable) init(links *Links) {
	*gt = groupTable{slots: make([]uint64, 64), lists: make([]groupList, len(links.list)), begun: map[uint32][]begun{}}
	for i, l := range links.list {
		gt.lists[i].chained = l.chained
	}
}

func (gt *groupTable) at(g uint32) *group { return &gt.pages[g/groupPage][g%groupPage] }

// find returns the group of a correlation with a key.
func (gt *groupTable) find(corr int32, hash uint64, key []byte) (uint32, bool) {
	mask := uint64(len(gt.slots) - 1)
	for i := hash & mask; gt.slots[i] != 0; i = (i + 1) & mask {
		if gt.slots[i]>>32 != hash>>32 {
			continue
		}
		n := uint32(gt.slots[i]) - 1
		if g := gt.at(n); g.hash == hash && g.corr == corr && g.key == string(key) {
			return n, true
		}
	}
	return 0, false
}

// add makes a group, which must not exist, as the newest of its correlation.
func (gt *groupTable) add(corr int32, hash uint64, key []byte) uint32 {
	if (gt.live+1)*4 > len(gt.slots)*3 {
		gt.grow()
	}
	n := gt.used
	if gt.free != 0 {
		n = gt.free - 1
		gt.free = gt.at(n).older
	} else {
		gt.used++
		if int(n)/groupPage == len(gt.pages) {
			gt.pages = append(gt.pages, new([groupPage]group))
		}
	}
	g := gt.at(n)
	*g = group{key: string(key), entries: make([]entry, 0, firstEntries), hash: hash, corr: corr, fired: never}
	gt.place(n, hash)
	gt.live++
	gt.lists[corr].live++
	gt.account(g, g.bytes())
	gt.link(n)
	return n
}

// account adds to the memory of a group.
func (gt *groupTable) account(g *group, bytes int64) {
	gt.bytes += bytes
	gt.lists[g.corr].bytes += bytes
}

func (gt *groupTable) place(n uint32, hash uint64) {
	mask := uint64(len(gt.slots) - 1)
	i := hash & mask
	for gt.slots[i] != 0 {
		i = (i + 1) & mask
	}
	gt.slots[i] = hash>>32<<32 | uint64(n+1)
}

func (gt *groupTable) grow() {
	old := gt.slots
	gt.slots = make([]uint64, 2*len(old))
	for _, s := range old {
		if s != 0 {
			n := uint32(s) - 1
			gt.place(n, gt.at(n).hash)
		}
	}
}

// remove deletes a group.
func (gt *groupTable) remove(n uint32) {
	g := gt.at(n)
	mask := uint64(len(gt.slots) - 1)
	i := g.hash & mask
	for uint32(gt.slots[i]) != n+1 {
		i = (i + 1) & mask
	}
	// Those behind it move up, unless they would come before their own place.
	for j := (i + 1) & mask; gt.slots[j] != 0; j = (j + 1) & mask {
		home := gt.at(uint32(gt.slots[j])-1).hash & mask
		if (j-home)&mask >= (j-i)&mask {
			gt.slots[i] = gt.slots[j]
			i = j
		}
	}
	gt.slots[i] = 0
	gt.unlink(n)
	gt.live--
	gt.lists[g.corr].live--
	gt.account(g, -g.bytes())
	if _, ok := gt.begun[n]; ok {
		gt.account(g, -begunBytes)
		delete(gt.begun, n)
	}
	*g = group{older: gt.free, corr: -1}
	gt.free = n + 1
}

// touch makes a group the newest of its correlation.
func (gt *groupTable) touch(n uint32, clock int64) {
	g := gt.at(n)
	g.touched = clock
	if gt.lists[g.corr].newest != n+1 {
		gt.unlink(n)
		gt.link(n)
	}
}

func (gt *groupTable) link(n uint32) {
	g := gt.at(n)
	list := &gt.lists[g.corr]
	g.newer, g.older = 0, list.newest
	if list.newest != 0 {
		gt.at(list.newest - 1).newer = n + 1
	} else {
		list.oldest = n + 1
	}
	list.newest = n + 1
}

func (gt *groupTable) unlink(n uint32) {
	g := gt.at(n)
	list := &gt.lists[g.corr]
	if g.newer != 0 {
		gt.at(g.newer - 1).older = g.older
	} else {
		list.newest = g.older
	}
	if g.older != 0 {
		gt.at(g.older - 1).newer = g.newer
	} else {
		list.oldest = g.newer
	}
}

// oldest returns the group of a correlation that was longest without an event.
func (gt *groupTable) oldest(corr int32) (uint32, bool) {
	n := gt.lists[corr].oldest
	return n - 1, n != 0
}

// victim returns the oldest group of the correlation that takes most memory.
func (gt *groupTable) victim() (uint32, bool) {
	most := int32(-1)
	for i := range gt.lists {
		if gt.lists[i].live > 0 && (most < 0 || gt.lists[i].bytes > gt.lists[most].bytes) {
			most = int32(i)
		}
	}
	if most < 0 {
		return 0, false
	}
	return gt.oldest(most)
}

// reserve makes room for one more entry of a group.
func (gt *groupTable) reserve(g *group) {
	if len(g.entries) == cap(g.entries) {
		gt.resize(g, max(firstEntries, 2*cap(g.entries)))
	}
}

// resize moves the entries of a group to memory for that many. A large one gets a
// chain where its correlation has them.
func (gt *groupTable) resize(g *group, size int) {
	before := g.bytes()
	g.entries = append(make([]entry, 0, size), g.entries...)
	switch n := gt.lists[g.corr].chained; {
	case size < chainFrom:
		g.chain = nil
	case n > 0 && g.chain == nil:
		g.chain = newChain(n)
	}
	gt.account(g, g.bytes()-before)
}

// fit gives memory back after entries were dropped.
func (gt *groupTable) fit(g *group) {
	if size := 1 << bits.Len(uint(len(g.entries))); size*2 < cap(g.entries) {
		gt.resize(g, size)
	}
}
