package segment

import (
	"bytes"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestOffsets wants the offsets of rows back from memory and from a block, and
// no trace of them in events.
func TestOffsets(t *testing.T) {
	f := func(want ...uint64) {
		t.Helper()
		b := NewBuilder()
		for i, at := range want {
			e := event.Event{Time: int64(i)}
			b.AddAt(&e, at)
		}
		raw := new(Sealer).Seal(b)
		sealed, err := OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), nil)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := uint64(NoOffset), uint64(0)
		for _, at := range want {
			if at != NoOffset {
				lo, hi = min(lo, at), max(hi, at)
			}
		}
		for _, block := range []*Block{b.View().Block(), sealed} {
			got, err := block.Offsets()
			if lo == NoOffset && got == nil {
				got = want
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("offsets %v, want %v: %v", got, want, err)
			}
			gotLo, gotHi, ok, err := block.OffsetBounds()
			if err != nil || ok != (lo != NoOffset) || ok && (gotLo != lo || gotHi != hi) {
				t.Errorf("bounds %d, %d, %v, want %d, %d: %v", gotLo, gotHi, ok, lo, hi, err)
			}
			if err := block.Keys(func(k event.Key) {
				if k != event.Timestamp {
					t.Errorf("the block has a field %s", k)
				}
			}); err != nil {
				t.Error(err)
			}
		}
	}
	f(5, 6, 7)
	f(5, 5, 5)
	f(7, 7, 9, 9, 9, 40, 41)
	f(NoOffset, NoOffset)
	f(NoOffset, 3, NoOffset, 4, 4)
	f(3, NoOffset)
}

// TestLabelled asks a labelled block for its label; a field that a client gave
// that name is kept, but not asked.
func TestLabelled(t *testing.T) {
	b := NewBuilder()
	e := event.Event{Time: 1}
	e.AddText(event.GatewatchStream, "forged")
	b.Add(&e)
	b.Add(&event.Event{Time: 2})
	raw := new(Sealer).Seal(b)
	sealed, err := OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []*Block{b.View().Block(), sealed} {
		block = block.Labelled(event.GatewatchStream, "mail")
		c, err := block.Column(event.GatewatchStream)
		if err != nil || c.Len() != 2 || c.Distinct() != 1 || c.DictValue(0).Text() != "mail" {
			t.Errorf("column %+v, %v", c, err)
		}
		for token, want := range map[string]bool{"mail": true, "forged": false} {
			if ok, err := block.MayEqual(event.GatewatchStream, token); ok != want || err != nil {
				t.Errorf("may equal %s: %v, %v", token, ok, err)
			}
		}
		if _, has, err := block.Zone(event.GatewatchStream); !has || err != nil {
			t.Errorf("zone: %v, %v", has, err)
		}
		rows, err := block.OpenRows(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got event.Event
		if err := rows.Event(0, &got); err != nil || got.Get(event.GatewatchStream).Text() != "forged" {
			t.Errorf("event %s, %v", got.AppendJSON(nil), err)
		}
	}
}
