package segment

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// TestLaidLinesAreReadBesideAdd reads views while lines of more layouts are added.
func TestLaidLinesAreReadBesideAdd(t *testing.T) {
	format, _ := parse.Lookup("ecs")
	b := NewBuilder()
	var wg sync.WaitGroup
	var lines [][]byte
	for i := range 600 {
		line := fmt.Appendf(nil, `{"@timestamp":"2026-11-20T10:00:%02dZ","of%d":"a\n%d","source.ip":"203.0.113.%d","n":[%d,"x"]}`, i%60, i/20, i, i%256, i)
		var e event.Event
		if err := format.Read(line, &parse.Context{}, &e); err != nil {
			t.Fatal(err)
		}
		b.Add(&e)
		lines = append(lines, line)
		if i%50 != 49 {
			continue
		}
		view, want := b.View().Block(), lines
		wg.Go(func() {
			for range 2 {
				if err := rawLinesAre(view, want); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if b.laid < 50 { // what the parser remembers of layouts is kept in a pool, which the garbage collector empties
		t.Errorf("%d lines have a layout", b.laid)
	}
}

// rawLinesAre compares the raw lines of a block.
func rawLinesAre(b *Block, want [][]byte) error {
	rows, err := b.OpenRows([]event.Key{event.EventOriginal})
	if err != nil {
		return err
	}
	var e event.Event
	for i := range want {
		if err := rows.Event(i, &e); err != nil {
			return err
		}
		if !bytes.Equal(e.Raw, want[i]) {
			return fmt.Errorf("row %d is %q, want %q", i, e.Raw, want[i])
		}
	}
	return nil
}
