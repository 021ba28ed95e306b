package segment

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// plainEvent is an event without its memory: members, and the values of each key in
// order.
type plainEvent struct {
	ID, Source, Dataset, Raw string
	Time, Received           int64
	Fields                   map[string][]string
}

func formOf(e *event.Event) plainEvent {
	f := plainEvent{e.ID, e.Source, e.Dataset, string(e.Raw), e.Time, e.Received, map[string][]string{}}
	for _, x := range e.Fields() {
		k, v := x.Key.String(), x.Value
		text := v.String()
		if v.Kind() == event.KindFloat {
			text = fmt.Sprintf("%x", math.Float64bits(v.Float()))
		}
		f.Fields[k] = append(f.Fields[k], fmt.Sprintf("%v %v %q", v.Kind(), v.IsList(), text))
	}
	return f
}

// randomEvents makes events of every kind of value and trouble.
func randomEvents(r *rand.Rand, n int) []event.Event {
	names := []string{"source.ip", "message", "event.category", "@timestamp", "event.id", "waf.match.value", "n", "mixed", "dict", "hex", "uuid", "f", "t", "b", "", "\xff", "v6", "ips", "lonely"}
	for range r.IntN(4) {
		names = append(names, fmt.Sprintf("x%d", r.IntN(2000)))
	}
	wide := r.IntN(8) == 0
	out := make([]event.Event, n)
	for i := range out {
		e := &out[i]
		e.Time = int64(r.Uint64()) >> r.IntN(60)
		if r.IntN(2) == 0 {
			e.Time = 1_700_000_000_000_000_000 + int64(i)*1e6
		}
		if r.IntN(3) > 0 {
			e.Received = e.Time + int64(r.IntN(5))*1e9
		}
		if r.IntN(20) > 0 {
			e.ID = fmt.Sprintf("%032x-%d", r.IntN(3), uint64(i)<<r.IntN(3))
		}
		e.Source = []string{"edge-1", "edge-2", ""}[r.IntN(3)]
		e.Dataset = "nginx.access"
		if r.IntN(5) > 0 {
			e.Raw = randomText(r)
		}
		for _, name := range names {
			for k := r.IntN(4) - 1; k > 0; k-- {
				addRandom(r, e, event.Intern(name))
			}
		}
		if wide {
			for k := range 40 {
				e.AddInt(event.Intern(fmt.Sprintf("wide%d", (i*40+k)%3000)), int64(k))
			}
		}
	}
	return out
}

func addRandom(r *rand.Rand, e *event.Event, k event.Key) {
	var v event.Value
	kind := r.IntN(7)
	switch k.String() {
	case "dict":
		v = event.String([]string{"GET", "POST", ""}[r.IntN(3)])
		kind = -1
	case "hex":
		v = event.String(fmt.Sprintf("%032x", r.Uint64()))
		kind = -1
	case "uuid":
		v = event.String(fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.Uint32()))
		kind = -1
	case "n":
		kind = 1
	case "f":
		kind = 2
	case "b":
		kind = 3
	case "t":
		kind = 4
	case "source.ip":
		kind = 5
	case "v6":
		kind = 6
	case "ips":
		kind = 5 + r.IntN(2)
	case "message", "waf.match.value":
		kind = 0
	}
	switch kind {
	case 0:
		v = event.String(string(randomText(r)))
	case 1:
		v = event.Int(int64(r.Uint64()) >> r.IntN(64))
	case 2:
		v = event.Float([]float64{0, 12.5, math.NaN(), math.Inf(-1), math.Copysign(0, -1), r.NormFloat64()}[r.IntN(6)])
	case 3:
		v = event.Bool(r.IntN(2) == 0)
	case 4:
		v = event.Time(int64(r.Uint64()) >> r.IntN(64))
	case 5:
		v = event.IP(netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(3)), byte(r.IntN(256))}))
	case 6:
		v = event.IP(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(r.IntN(256))}))
	}
	if r.IntN(4) == 0 {
		e.AddList(k, v)
	} else {
		e.Add(k, v)
	}
}

func randomText(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(1<<r.IntN(8)))
	for i := range b {
		b[i] = byte(r.Uint32())
		if r.IntN(10) > 0 {
			b[i] = 'a' + b[i]%26
		}
	}
	return b
}

func build(events []event.Event) *Builder {
	b := NewBuilder()
	for i := range events {
		b.Add(&events[i])
	}
	return b
}

func openSealed(t testing.TB, raw []byte) *Block {
	t.Helper()
	b, err := OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), NewCache(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sameEvents(t *testing.T, b *Block, want []event.Event) {
	t.Helper()
	rows, err := b.OpenRows(nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Rows() != len(want) {
		t.Fatalf("block has %d rows, want %d", b.Rows(), len(want))
	}
	var e event.Event
	for i := range want {
		if err := rows.Event(i, &e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(formOf(&want[i]), formOf(&e)); diff != "" {
			t.Fatalf("row %d: %s", i, diff)
		}
	}
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	var s Sealer
	b := NewBuilder()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		events := randomEvents(r, 1+r.IntN(1<<r.IntN(11)))
		b.Reset()
		for i := range events {
			b.Add(&events[i])
		}
		sameEvents(t, b.View().Block(), events)
		sameEvents(t, openSealed(t, s.Seal(b)), events)
	}
}

// TestOrderOfFields writes the same event from memory and from a segment, beside
// events with other fields.
func TestOrderOfFields(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	var s Sealer
	for range 20 {
		b := build(randomEvents(r, 30))
		inMemory, sealed := lines(t, b.View().Block()), lines(t, openSealed(t, s.Seal(b)))
		if diff := cmp.Diff(inMemory, sealed); diff != "" {
			t.Fatal(diff)
		}
	}
}

// lines returns the events of a block as JSON.
func lines(t *testing.T, b *Block) []string {
	t.Helper()
	rows, err := b.OpenRows(nil)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, b.Rows())
	for i := range all {
		var e event.Event
		if err := rows.Event(i, &e); err != nil {
			t.Fatal(err)
		}
		all[i] = string(e.AppendJSON(nil))
	}
	return all
}

func TestHugeValue(t *testing.T) {
	var e event.Event
	e.Raw = bytes.Repeat([]byte("0123456789"), 500_000)
	e.AddText(event.Message, string(e.Raw))
	var s Sealer
	events := []event.Event{e, {}, e}
	sameEvents(t, openSealed(t, s.Seal(build(events))), events)
}

func TestFiltersAndZonesNeverLose(t *testing.T) {
	var s Sealer
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		events := randomEvents(r, 1+r.IntN(400))
		b := openSealed(t, s.Seal(build(events)))
		for i := range events {
			for k, v := range events[i].All() {
				if event.IsMember(k) && !events[i].Get(k).Equal(v) {
					continue
				}
				ok, err := b.MayEqual(k, string(query.AppendToken(nil, v)))
				if err != nil || !ok {
					t.Fatalf("filter of %s denies %v: %v", k, v, err)
				}
				z, has, err := b.Zone(k)
				if err != nil || !has {
					t.Fatalf("zone of %s: %v", k, err)
				}
				if z.Kind == event.KindInt && (v.Int() < int64(z.Lo) || v.Int() > int64(z.Hi)) {
					t.Fatalf("zone of %s denies %v", k, v)
				}
			}
		}
	}
}

func TestSegmentFile(t *testing.T) {
	var s Sealer
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	var want [][]event.Event
	for range 4 {
		events := randomEvents(r, 100)
		want = append(want, events)
		if err := w.AddBlock(openSealed(t, s.Seal(build(events)))); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Finish(Info{First: 5, Next: 405, Written: 7})
	if err != nil || info.Rows != 400 || info.Bytes != int64(file.Len()) {
		t.Fatalf("finish: %+v, %v", info, err)
	}
	check := func(raw []byte, damagedBlocks int) {
		t.Helper()
		f, err := OpenFile(bytes.NewReader(raw), int64(len(raw)), NewCache(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		if f.Damaged != damagedBlocks {
			t.Fatalf("%d blocks are damaged, want %d", f.Damaged, damagedBlocks)
		}
		for i, b := range f.Blocks {
			sameEvents(t, b, want[i])
		}
		if len(f.Blocks) == 0 {
			t.Fatal("no block was found")
		}
	}
	check(file.Bytes(), 0)
	cutOff := file.Bytes()[:file.Len()-10]
	check(cutOff, 1)
}

// TestEveryFlippedBitIsFound flips bits all over a block and wants either the
// same events or an error that says damaged.
func TestEveryFlippedBitIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	events := randomEvents(r, 60)
	var s Sealer
	raw := s.Seal(build(events))
	found := 0
	for at := 0; at < len(raw); at += 1 + len(raw)/4000 {
		bad := bytes.Clone(raw)
		bad[at] ^= 1 << r.IntN(8)
		got, err := readAll(bad)
		if err != nil {
			if !IsDamaged(err) {
				t.Fatalf("byte %d: %v", at, err)
			}
			found++
			continue
		}
		for i := range events {
			if diff := cmp.Diff(formOf(&events[i]), got[i]); diff != "" {
				t.Fatalf("byte %d: %s", at, diff)
			}
		}
	}
	if found == 0 {
		t.Fatal("no damage was found")
	}
}

func readAll(raw []byte) ([]plainEvent, error) {
	b, err := OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), nil)
	if err != nil {
		return nil, err
	}
	rows, err := b.OpenRows(nil)
	if err != nil {
		return nil, err
	}
	var out []plainEvent
	var e event.Event
	for i := range b.Rows() {
		if err := rows.Event(i, &e); err != nil {
			return nil, err
		}
		out = append(out, formOf(&e))
	}
	return out, nil
}

// FuzzDecode gives the reader a column whose checksum holds and whose bytes do
// not mean anything.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	b := build(randomEvents(r, 30))
	var e encoder
	for _, c := range b.cols {
		if c.n == 0 {
			continue
		}
		col, known := c.settled(b.rows)
		chosen := byte(encMixed)
		if col.tags == nil {
			chosen = e.choose(col, known)
		}
		_, enc := e.encode(nil, col, chosen, nil)
		f.Add(enc.chunk, enc.head)
	}
	both, _ := build(clients([]string{"10.0.0.1", "2001:db8::1", "10.0.0.2", "2001:db8::2"})).column(event.ClientIP).settled(30)
	_, enc := e.encode(nil, both, encIPs, nil)
	f.Add(enc.chunk, enc.head)
	f.Fuzz(func(t *testing.T, chunk []byte, head int) {
		if head < 0 || head > len(chunk) {
			return
		}
		c, err := decode(chunk[:head], 30, len(chunk)-head)
		if err != nil {
			return
		}
		if c.pages != nil {
			c.pages.src, c.pages.off = bytes.NewReader(chunk), int64(head)
		}
		var cur Cursor
		for i := range c.Len() {
			if c.Row(i) >= 30 {
				t.Fatalf("entry %d is in row %d", i, c.Row(i))
			}
			if v, err := c.Value(i, &cur); err == nil {
				_ = v.String()
			}
		}
	})
}

func FuzzDirectory(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	var s Sealer
	raw := s.Seal(build(randomEvents(r, 30)))
	b := openSealed(f, raw)
	f.Add(raw[b.dirOff:])
	f.Fuzz(func(t *testing.T, dir []byte) {
		if d, err := parseDirectory(dir, 1<<20, nil); err == nil {
			_ = d.append(nil)
		}
	})
}
