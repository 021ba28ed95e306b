package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/services/queue"
)

// idKey stands for a client id: the first half of its SHA-256, so that nobody
// can make two ids that are taken for one.
type idKey [16]byte

func keyOf(id string) idKey {
	sum := sha256.Sum256([]byte(id))
	return idKey(sum[:16])
}

// idEntry is a client id and the hash of the record that was stored under it.
type idEntry struct {
	key     idKey
	content uint64
}

// idBytes is about what an entry takes in the ring and the map of a table.
const idBytes = 64

// idTable holds the newest ids of one source.
type idTable struct {
	content map[idKey]uint64
	ring    []idEntry // oldest at head once it is full, else in order from 0
	head    int
	pending map[idKey]*claim
	used    uint64
	owned   bool // the source has a token: nobody else sends under its name
}

// claim is the right of one Put to store some ids. done is closed when their
// outcome is known.
type claim struct {
	done chan struct{}
}

// ids remembers client ids by source.
type ids struct {
	perSource, maxTables, maxEntries int

	owned func(source string) bool // tells whether a source has a token

	mu      sync.Mutex
	tick    uint64
	tables  map[string]*idTable
	entries int
}

func newIDs(perSource, sources int, memory int64) *ids {
	return &ids{
		perSource: perSource, maxTables: sources, maxEntries: max(int(memory/idBytes), 1),
		tables: map[string]*idTable{}, owned: func(string) bool { return false },
	}
}

// protect says which sources have tokens. What they sent is forgotten after what
// anonymous senders did, who can make up any number of names and ids.
func (t *ids) protect(owned func(source string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owned = owned
	t.findOwners()
}

// findOwners finds out anew which tables have owners. t.mu is held.
func (t *ids) findOwners() {
	for name, table := range t.tables {
		table.owned = t.owned(name)
	}
}

// item is one record of a Put.
type item struct {
	group, record int // where it lies in the groups
	index         int // counted over the groups
	key           idKey
	content       uint64
	fate          fate
}

// fate is what is known of an item.
type fate uint8

const (
	fateNew       fate = iota // has no id, or one that the caller may store now
	fateDuplicate             // is stored with the same content
	fateConflict              // is stored with other content
	fateRepeat                // same id and content as an item before it in this Put
	fateClash                 // same id as an item before it in this Put, other content
	fateWaiting               // somebody else is storing the id
)

// look decides the fate of the items that have an id, and claims for c the ids
// that are new. For items that wait it returns a claim to wait for.
func (t *ids) look(groups []queue.Group, items []item, c *claim) (wait *claim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	type place struct {
		table *idTable
		key   idKey
	}
	own := map[place]uint64{}
	for i := range items {
		it := &items[i]
		g := &groups[it.group]
		if g.Records[it.record].ID == "" {
			continue
		}
		table := t.table(g.Source)
		if content, ok := table.content[it.key]; ok {
			it.fate = pick(content == it.content, fateDuplicate, fateConflict)
			continue
		}
		holder := table.pending[it.key]
		switch holder {
		case nil:
			it.fate = fateNew
			table.pending[it.key] = c
			own[place{table, it.key}] = it.content
		case c:
			it.fate = pick(own[place{table, it.key}] == it.content, fateRepeat, fateClash)
		default:
			it.fate, wait = fateWaiting, holder
		}
	}
	return wait
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// settle ends a claim: its ids are remembered if they are durable, else free.
func (t *ids) settle(groups []queue.Group, items []item, c *claim, durable bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range items {
		it := &items[i]
		g := &groups[it.group]
		if it.fate != fateNew || g.Records[it.record].ID == "" {
			continue
		}
		table := t.table(g.Source)
		delete(table.pending, it.key)
		if durable {
			t.add(table, idEntry{it.key, it.content})
		}
	}
	close(c.done)
	t.trim()
}

// remember adds an id that was read from the queue or a snapshot.
func (t *ids) remember(source string, e idEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	table := t.table(source)
	if _, known := table.content[e.key]; !known {
		t.add(table, e)
		t.trim()
	}
}

// add makes an entry the newest of a table. t.mu is held.
func (t *ids) add(table *idTable, e idEntry) {
	table.content[e.key] = e.content
	if len(table.ring) < t.perSource {
		table.ring = append(table.ring, e)
		t.entries++
		return
	}
	delete(table.content, table.ring[table.head].key)
	table.ring[table.head] = e
	table.head = (table.head + 1) % len(table.ring)
}

// table returns the table of a source and makes it. t.mu is held.
func (t *ids) table(source string) *idTable {
	t.tick++
	table := t.tables[source]
	if table == nil {
		if len(t.tables) >= t.maxTables {
			t.forgetTables()
		}
		table = &idTable{content: map[idKey]uint64{}, pending: map[idKey]*claim{}, owned: t.owned(source)}
		t.tables[strings.Clone(source)] = table
	}
	table.used = t.tick
	return table
}

// forgetTables drops a tenth of the tables: those without an owner first, then
// those unused for longest. t.mu is held.
func (t *ids) forgetTables() {
	t.findOwners() // there may be tokens that the tables are older than
	names := make([]string, 0, len(t.tables))
	for name, table := range t.tables {
		if len(table.pending) == 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		first, second := t.tables[a], t.tables[b]
		if first.owned != second.owned {
			return pick(second.owned, -1, 1)
		}
		return cmp.Compare(first.used, second.used)
	})
	for _, name := range names[:min(len(names), t.maxTables/10+1)] {
		t.entries -= len(t.tables[name].ring)
		delete(t.tables, name)
	}
}

// trim drops the oldest eighth of the largest table until the memory suffices,
// of a table without an owner while such ones have more than half of it. t.mu is
// held.
func (t *ids) trim() {
	for t.entries > t.maxEntries {
		largest := t.largest()
		drop := len(largest.ring)/8 + 1
		kept := largest.ordered()[drop:]
		t.entries -= drop
		largest.ring, largest.head = kept, 0
		largest.content = make(map[idKey]uint64, len(kept))
		for _, e := range kept {
			largest.content[e.key] = e.content
		}
	}
}

// largest returns the table that is to forget something. t.mu is held.
func (t *ids) largest() *idTable {
	var owned, anonymous *idTable
	all := 0 // entries of tables without an owner
	for _, table := range t.tables {
		of := &anonymous
		if table.owned {
			of = &owned
		} else {
			all += len(table.ring)
		}
		if *of == nil || len(table.ring) > len((*of).ring) {
			*of = table
		}
	}
	if owned == nil || all > t.maxEntries/2 {
		return anonymous
	}
	return owned
}

// ordered returns a copy of the entries, the oldest first.
func (table *idTable) ordered() []idEntry {
	all := make([]idEntry, 0, len(table.ring))
	return append(append(all, table.ring[table.head:]...), table.ring[:table.head]...)
}

// sourcesByUse returns the names of all sources, the longest unused first.
func (t *ids) sourcesByUse() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]string, 0, len(t.tables))
	for name := range t.tables {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(t.tables[a].used, t.tables[b].used) })
	return names
}

// known returns a copy of the ids of a source, the oldest first.
func (t *ids) known(source string) []idEntry {
	t.mu.Lock()
	defer t.mu.Unlock()
	if table := t.tables[source]; table != nil {
		return table.ordered()
	}
	return nil
}

func (t *ids) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries
}

// putNamed is Put for groups that hold records with ids. It appends in rounds:
// what is new at once, what somebody else is storing after that is settled. It
// never waits while it holds a claim, so two calls can't block each other.
func (s *Sink) putNamed(ctx context.Context, groups []queue.Group, records int) []error {
	items := make([]item, 0, records)
	for i := range groups {
		for j := range groups[i].Records {
			r := &groups[i].Records[j]
			it := item{group: i, record: j, index: len(items)}
			if r.ID != "" {
				it.key, it.content = keyOf(r.ID), xxhash.Sum64(r.Raw)
			}
			items = append(items, it)
		}
	}
	errs := make([]error, records)
	for {
		wait := s.round(ctx, groups, items, errs)
		if wait == nil {
			return orNil(errs)
		}
		items = slices.DeleteFunc(items, func(it item) bool { return it.fate != fateWaiting })
		select {
		case <-wait.done:
		case <-ctx.Done():
			for _, it := range items {
				errs[it.index] = ErrBusy
			}
			return errs
		}
	}
}

// orNil returns nil for errors that are all nil.
func orNil(errs []error) []error {
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return errs
	}
	return nil
}

// round stores what can be stored of items now and writes their outcome. It
// returns whom to wait for if some items remain.
func (s *Sink) round(ctx context.Context, groups []queue.Group, items []item, errs []error) *claim {
	flight := s.flights.begin()
	defer s.flights.done(flight)
	c := &claim{done: make(chan struct{})}
	wait := s.ids.look(groups, items, c)
	fresh, n := only(groups, items)
	var err error
	if n > 0 {
		err = s.append(ctx, fresh)
	}
	s.ids.settle(groups, items, c, err == nil)
	for _, it := range items {
		st := s.sources.of(groups[it.group].Source)
		switch {
		case it.fate == fateWaiting:
		case it.fate == fateDuplicate, it.fate == fateRepeat && err == nil:
			st.duplicates.Add(1)
			errs[it.index] = ErrDuplicate
		case it.fate == fateConflict, it.fate == fateClash && err == nil:
			st.conflicts.Add(1)
			errs[it.index] = ErrConflict
		default:
			errs[it.index] = err
		}
	}
	return wait
}

// only returns groups with the records that are new, and how many they are.
func only(groups []queue.Group, items []item) (fresh []queue.Group, n int) {
	for _, it := range items {
		if it.fate == fateNew {
			n++
		}
	}
	at := -1
	for _, it := range items {
		if it.fate != fateNew {
			continue
		}
		if at != it.group {
			at = it.group
			g := groups[at]
			g.Records = make([]queue.Record, 0, min(n, len(g.Records)))
			fresh = append(fresh, g)
		}
		g := &fresh[len(fresh)-1]
		g.Records = append(g.Records, groups[at].Records[it.record])
	}
	return fresh, n
}
