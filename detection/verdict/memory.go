package verdict

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
)

// Memory is what was seen before of clients, parameters and pages, without
// labels and in bounded space. It is told of decisions one after the other, and
// what it then says of the next depends on these alone. What a log tells is remembered
// for decisions of that log ([Circumstances].Log). What it can say is
// bounded too ([Circumstances]), for some of it was written by those who are
// judged. It may be used by any number of goroutines.
type Memory struct {
	seed    uint64
	mu      sync.Mutex
	clients *recent[netip.Addr, conduct]
	logged  *recent[uint64, conduct] // of clients as logs tell of them
	habits  *recent[uint64, habit]
	pages   *recent[uint64, answers]
	novelty *recent[uint64, novelty] // by network
}

// Bounds of a memory: about 35 MB if all are reached.
const (
	maxClients   = 16384
	maxHabits    = 16384
	maxPages     = 8192
	maxNewcomers = 8192
	maxLearned   = 32 // parameters of one request
	clientBits6  = 64 // of an IPv6 address that one client has
)

// NewMemory returns an empty memory. A seed that others do not know keeps them
// from choosing what it forgets.
func NewMemory(seed uint64) *Memory {
	return &Memory{
		seed: seed, clients: newRecent[netip.Addr, conduct](maxClients), logged: newRecent[uint64, conduct](maxClients),
		habits: newRecent[uint64, habit](maxHabits), pages: newRecent[uint64, answers](maxPages),
		novelty: newRecent[uint64, novelty](maxNewcomers),
	}
}

// clientOf is what conduct is counted by: an IPv4 address, or the /64 that one
// user of IPv6 has. It is not valid where a is not.
func clientOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(clientBits6) // of a valid address
	return p.Addr()
}

// Judge is [Model.Score] of an input whose circumstances are known, with what is
// remembered of earlier decisions, and then remembers this one.
func (m *Model) Judge(dst []Evidence, in Input, memory *Memory) Verdict {
	r := m.open()
	defer m.readings.Put(r)
	m.read(r, &in)
	var known circumstantial
	if in.Circumstances != nil {
		memory.recall(&known, r, &in)
	}
	v, content := m.sum(r, dst, &in, &known)
	if in.Circumstances != nil {
		memory.learn(r, &in, content > 0)
	}
	return v
}

// recall collects what is known beside the content of a request.
func (y *Memory) recall(known *circumstantial, r *reading, in *Input) {
	y.mu.Lock()
	defer y.mu.Unlock()
	s := in.Circumstances
	if c := clientOf(s.Client); c.IsValid() {
		if d := y.conductOf(c, s.Log); d != nil && d.fade(s.At) > 0 {
			var kinds []uint64
			if len(d.Kinds) > 0 {
				kinds = y.kindsOf(nil, in)
			}
			known.before(d, s.At, kinds)
		}
		if d := y.clients.peek(c); d != nil && s.Log != "" {
			known.found(d, s.At)
		}
	}
	if r.worst >= 0 && s.Client.IsValid() && in.Request != nil {
		l := &r.part.leaves[r.worst]
		if h := y.habits.peek(y.parameter(in, l)); h != nil {
			weight, words := h.weigh(y.networkOf(s), r.opinions[r.worst].margin, l.place)
			if weight > 0 || !y.otherAbove(r, in, s, weight) {
				known.add("parameter here", weight, words)
			}
		}
	}
	known.answer(s, y.pages.peek(y.page(in)))
}

// otherAbove tells whether another leaf would be the worst if the worst one were
// less suspicious: that one value is usual excuses no other.
func (y *Memory) otherAbove(r *reading, in *Input, s *Circumstances, weight float64) bool {
	limit := r.opinions[r.worst].margin + float32(weight)
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		if i == r.worst || l.place.wrapper() || r.opinions[i].margin <= limit {
			continue
		}
		h := y.habits.peek(y.parameter(in, l))
		if h == nil {
			return true
		}
		if w, _ := h.weigh(y.networkOf(s), r.opinions[i].margin, l.place); w > weight {
			return true
		}
	}
	return false
}

// learn takes in a decision. Parameters are learned only where the application
// answered, so that what is blocked teaches nothing. A page becomes known by an
// answer that is no error, and a network makes only so much known at a time: what
// one client sends pushes out little of what is remembered of others.
func (y *Memory) learn(r *reading, in *Input, suspicious bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	s := in.Circumstances
	y.conducted(in, suspicious)
	if !s.Answered || in.Request == nil {
		return
	}
	from, learned := y.networkOf(s), 0
	page := y.page(in)
	if a := y.pages.peek(page); a != nil && s.Status >= 400 {
		a.add(s)
	} else if s.Status < 400 && (a != nil || y.admits(from, s.At)) {
		y.pages.use(page).add(s)
	}
	if !s.Client.IsValid() || s.Status >= 400 {
		return
	}
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		if l.place.wrapper() || l.place == inName || l.place == inMatch {
			continue
		}
		if learned++; learned > maxLearned {
			return
		}
		key := y.parameter(in, l)
		if y.habits.peek(key) != nil || y.admits(from, s.At) {
			y.habits.use(key).add(from, r.opinions[i].margin, s.proven())
		}
	}
}

// Observe takes in a decision that was judged elsewhere, of a client whose
// request was taken for an attack by its content alone, or not; see
// [SuspiciousContent].
func (y *Memory) Observe(in *Input, suspicious bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.conducted(in, suspicious)
}

// conducted takes in what a client did.
func (y *Memory) conducted(in *Input, suspicious bool) {
	s := in.Circumstances
	c := clientOf(s.Client)
	if !c.IsValid() {
		return
	}
	var kinds []uint64
	if suspicious && in.Block {
		kinds = y.kindsOf(nil, in)
	}
	d := y.useConduct(c, s.Log)
	d.add(in, s, d.fade(s.At), suspicious, kinds)
}

// Found takes in that a rule over other logs than those of WAFs found something
// that names a client, in something received at a time in Unix nanoseconds.
func (y *Memory) Found(client netip.Addr, received int64, rule string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if c := clientOf(client); c.IsValid() {
		y.clients.use(c).found(received, y.hash(rule))
	}
}

// page names a page for its answers.
func (y *Memory) page(in *Input) uint64 {
	if in.Request == nil {
		return 0
	}
	path, _, _ := strings.Cut(in.Request.URI, "?")
	return y.hash(byLog(in) + in.Request.Method + " " + parameterKey(in.Request.Site, &leaf{place: inPath, value: []byte(path)}))
}

// parameter names a parameter for its habits.
func (y *Memory) parameter(in *Input, l *leaf) uint64 {
	return y.hash(byLog(in) + parameterKey(in.Request.Site, l))
}

// byLog begins the names of what a log tells of.
func byLog(in *Input) string {
	if s := in.Circumstances; s != nil && s.Log != "" {
		return "log " + s.Log + "\x00"
	}
	return ""
}

// conductOf is the conduct of a client as nodes or one log tell of it, nil if there
// is none.
func (y *Memory) conductOf(client netip.Addr, log string) *conduct {
	if log != "" {
		return y.logged.peek(y.loggedKey(client, log))
	}
	return y.clients.peek(client)
}

// useConduct is conductOf, with a new one where there is none.
func (y *Memory) useConduct(client netip.Addr, log string) *conduct {
	if log != "" {
		return y.logged.use(y.loggedKey(client, log))
	}
	return y.clients.use(client)
}

func (y *Memory) loggedKey(client netip.Addr, log string) uint64 {
	return y.hash(client.String() + " " + log)
}

func (y *Memory) networkOf(s *Circumstances) uint64 {
	b := network(s.Client).As16()
	if s.Log != "" { // which can name any network
		return y.hash(string(b[:]) + s.Log)
	}
	return y.hash(string(b[:]))
}

// hash is FNV-1a over the seed and a text, mixed once more.
func (y *Memory) hash(s string) uint64 {
	h := uint64(14695981039346656037) ^ y.seed
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// remembered is a memory as a snapshot holds it.
type remembered struct {
	Seed    uint64
	Clients []kept[netip.Addr, conduct]
	Logged  []kept[uint64, conduct]
	Habits  []kept[uint64, habit]
	Pages   []kept[uint64, answers]
	Novelty []kept[uint64, novelty]
}

// Snapshot appends all that is remembered.
func (y *Memory) Snapshot(dst []byte) ([]byte, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	b := bytes.NewBuffer(dst)
	err := gob.NewEncoder(b).Encode(remembered{y.seed, y.clients.list(), y.logged.list(), y.habits.list(), y.pages.list(), y.novelty.list()})
	if err != nil {
		return dst, fmt.Errorf("write memory of verdicts: %w", err)
	}
	return b.Bytes(), nil
}

// Restore replaces what is remembered by what Snapshot wrote, the seed too. Of a
// snapshot without a seed, whose hashes anybody can choose, a memory that has one
// takes the clients alone. On an error it stays as it is.
func (y *Memory) Restore(snapshot []byte) error {
	var all remembered
	if err := gob.NewDecoder(bytes.NewReader(snapshot)).Decode(&all); err != nil {
		return fmt.Errorf("read memory of verdicts: %w", err)
	}
	if len(all.Clients) > maxClients || len(all.Logged) > maxClients || len(all.Habits) > maxHabits || len(all.Pages) > maxPages || len(all.Novelty) > maxNewcomers {
		return fmt.Errorf("read memory of verdicts: it holds %d clients, %d parameters and %d pages", len(all.Clients), len(all.Habits), len(all.Pages))
	}
	for _, h := range all.Habits {
		if len(h.Value.Networks) > maxNetworks {
			return fmt.Errorf("read memory of verdicts: a parameter has %d networks", len(h.Value.Networks))
		}
	}
	for _, p := range all.Pages {
		if math.IsNaN(p.Value.Mean) || math.IsNaN(p.Value.Square) {
			return fmt.Errorf("read memory of verdicts: a page has no size")
		}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if all.Seed == 0 && y.seed != 0 {
		all = remembered{Seed: y.seed, Clients: all.Clients}
	}
	y.seed = all.Seed
	y.clients.fill(all.Clients)
	y.logged.fill(all.Logged)
	y.habits.fill(all.Habits)
	y.pages.fill(all.Pages)
	y.novelty.fill(all.Novelty)
	return nil
}
