package query

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestGroupsAnswerLikeRows feeds the same events row by row and column by column.
func TestGroupsAnswerLikeRows(t *testing.T) {
	q, err := Parse("* | stats n = count(), d = count_distinct(source.ip), m = max(k), s = sum(k), c = count(k) by site", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 6))
	budget := NewPool(1).Budget(1<<20, 0)
	defer budget.Close()
	byRow, byColumn := NewExec(q, budget), NewExec(q, budget)
	g, ok := byColumn.Groups()
	if !ok {
		t.Fatal("the query has no groups")
	}
	if !g.Distinct(1) || g.Distinct(0) {
		t.Fatal("column 1 counts distinct values, and column 0 does not")
	}
	var groups []int32
	var hashes []uint64
	for range 2000 {
		var e event.Event
		if n := r.IntN(6); n > 0 {
			e.AddText(event.Intern("site"), fmt.Sprint("site-", n))
		}
		a := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(3)), byte(r.IntN(100))})
		e.AddAddr(event.SourceIP, a)
		k := []event.Value{event.Int(int64(r.IntN(1000)))}[:r.IntN(2)]
		for _, v := range k {
			e.Add(event.Intern("k"), v)
		}
		if err := byRow.Add(EventRow{&e}); err != nil {
			t.Fatal(err)
		}
		group, err := g.Of(EventRow{&e})
		if err != nil {
			t.Fatal(err)
		}
		b := a.As4()
		groups = append(groups, int32(group))
		hashes = append(hashes, HashIPv4(uint32(b[0])<<24|uint32(b[2])<<8|uint32(b[3])))
		for agg, values := range [][]event.Value{nil, nil, k, k, k} {
			if agg == 1 {
				continue
			}
			if err := g.Add(agg, group, values, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for at := 0; at < len(groups); at += 700 {
		end := min(at+700, len(groups))
		if err := g.AddHashes(1, groups[at:end], hashes[at:end]); err != nil {
			t.Fatal(err)
		}
	}
	want, got := answerOf(t, byRow), answerOf(t, byColumn)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 6 {
		t.Fatal(len(want), diff)
	}
}

func answerOf(t *testing.T, x *Exec) []string {
	t.Helper()
	table, err := x.Result(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, r := range table.Rows {
		rows = append(rows, fmt.Sprint(r))
	}
	return rows
}
