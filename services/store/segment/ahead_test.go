package segment

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// foreseen is a source that knows which bytes were asked for before they are read.
type foreseen struct {
	*bytes.Reader
	asked  []bool
	missed int // bytes that were read and not asked for
}

func (s *foreseen) ReadAhead(off, n int64) {
	for i := off; i < min(off+n, int64(len(s.asked))); i++ {
		s.asked[i] = true
	}
}

func (s *foreseen) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Reader.ReadAt(p, off)
	for i := range n {
		if !s.asked[off+int64(i)] {
			s.missed++
		}
	}
	return n, err
}

func TestReadAhead(t *testing.T) {
	raw := new(Sealer).Seal(build(randomEvents(rand.New(rand.NewPCG(1, 1)), 2000)))
	open := func() (*foreseen, *Block) {
		t.Helper()
		s := &foreseen{Reader: bytes.NewReader(raw), asked: make([]bool, len(raw))}
		s.ReadAhead(0, blockHeader)
		b, err := OpenBlock(s, 0, int64(len(raw)), NewCache(1<<26))
		if err != nil {
			t.Fatal(err)
		}
		if !b.AheadDirectory() {
			t.Fatal("the directory is not read ahead")
		}
		return s, b
	}
	s, b := open()
	var keys []event.Key
	if err := b.Keys(func(k event.Key) { keys = append(keys, k) }); err != nil || len(keys) == 0 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	if b.AheadDirectory() {
		t.Error("a directory that is known is read ahead")
	}
	for _, k := range keys {
		b.AheadFilter(k, "x")
		if _, err := b.MayEqual(k, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if s.missed > 0 {
		t.Errorf("directory and filters: %d bytes were not asked for", s.missed)
	}

	for _, k := range keys {
		s, b := open()
		one := []event.Key{k}
		b.AheadColumns(one, true)
		b.AheadTwins(one)
		if _, err := b.Column(k); err != nil {
			t.Fatal(err)
		}
		if s.missed > 0 {
			t.Errorf("%s: %d bytes were not asked for", k, s.missed)
		}
		b.AheadColumns(one, true)
	}

	s, b = open()
	b.AheadColumns(nil, false)
	rows, err := b.OpenRows(nil)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for row := range b.Rows() {
		rows.Ahead(row)
		if err := rows.Event(row, &e); err != nil {
			t.Fatal(err)
		}
	}
	if s.missed > 0 {
		t.Errorf("rows: %d bytes were not asked for", s.missed)
	}
	if b.AheadColumns(nil, false) {
		t.Error("columns that the cache has are read ahead")
	}
}
