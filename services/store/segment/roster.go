package segment

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
)

// roster is the names and roles of the columns of a block. Most blocks of a store
// have the same columns in the same order, and share one. It is immutable.
type roster struct {
	names []string
	roles []byte
	field map[string]int
	mem   [members]int // index + 1
	rest  int          // index + 1
	at    int          // of the queue offsets, index + 1
	keys  []rowKey     // of fields and members, by name
}

// rowKey is a key that rows of a block may have, with its column.
type rowKey struct {
	key event.Key
	col int
}

func newRoster(names []string, roles []byte) *roster {
	l := &roster{names: names, roles: roles, field: make(map[string]int, len(names))}
	for i := range names {
		l.note(i)
	}
	slices.SortStableFunc(l.keys, func(a, b rowKey) int { return strings.Compare(a.key.String(), b.key.String()) })
	return l
}

// note makes column i known under its name.
func (l *roster) note(i int) {
	name, role := l.names[i], l.roles[i]
	if k := event.Intern(name); role == roleMember || role == roleField && memberOf(k) < 0 {
		l.keys = append(l.keys, rowKey{k, i})
	}
	switch role {
	case roleField:
		l.field[name] = i
	case roleMember:
		for m, k := range memberKeys {
			if k.String() == name {
				l.mem[m] = i + 1
			}
		}
	case roleRest:
		l.rest = i + 1
	case roleOffset:
		l.at = i + 1
	}
}

// find returns the number of a key's column, -1 if the block has none.
func (l *roster) find(k event.Key) int {
	if m := memberOf(k); m >= 0 {
		return l.mem[m] - 1
	}
	if i, ok := l.field[k.String()]; ok {
		return i
	}
	return -1
}

// bytes returns about what the roster takes.
func (l *roster) bytes() int {
	n := 256
	for _, name := range l.names {
		n += len(name) + 96
	}
	return n
}

// maxRosters bounds the bytes of the rosters that are shared. A block whose roster
// comes when there are so many has one of its own.
const maxRosters = 4 << 20

// rosters are those that blocks share. The zero rosters is empty; it may be used
// concurrently.
type rosters struct {
	mu    sync.Mutex
	known map[string]*roster
	bytes int
}

// of returns the roster of columns of these names and roles, and whether it is
// shared. It takes both over.
func (c *rosters) of(names []string, roles []byte) (l *roster, shared bool) {
	var id []byte
	for i, name := range names {
		id = binary.AppendUvarint(append(id, roles[i]), uint64(len(name)))
		id = append(id, name...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l = c.known[string(id)]; l != nil {
		return l, true
	}
	l = newRoster(names, roles)
	if n := l.bytes() + len(id); c.bytes+n <= maxRosters {
		if c.known == nil {
			c.known = map[string]*roster{}
		}
		c.known[string(id)] = l
		c.bytes += n
		return l, true
	}
	return l, false
}

// roster returns the roster of columns, see [rosters.of].
func (c *Cache) roster(names []string, roles []byte) (l *roster, shared bool) {
	if c == nil {
		return newRoster(names, roles), false
	}
	return c.rosters.of(names, roles)
}
