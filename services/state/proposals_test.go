package state

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProposals(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	d, err := Open(t.Context(), t.TempDir(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var used []int64
	add := func(all ...Proposal) []Proposal {
		t.Helper()
		if err := d.AddProposals(t.Context(), all, used, nil); err != nil {
			t.Fatal(err)
		}
		return all
	}
	long := strings.Repeat("SecRule ", 1000)
	add(Proposal{ID: 10, Kind: "exclusion", Name: "a", Site: "shop", Directive: long, Content: `{"x":1}`}, Proposal{ID: 11, Name: "b"})
	if next, err := d.NextProposal(t.Context(), 5); next != 12 || err != nil {
		t.Errorf("next %d, %v", next, err)
	}
	if next, err := d.NextProposal(t.Context(), 50); next != 50 || err != nil {
		t.Errorf("next %d, %v", next, err)
	}
	at = at.Add(time.Hour)
	again := add(Proposal{ID: 12, Name: "a", Content: `{"x":2}`})
	want := Proposal{ID: 10, Kind: "exclusion", Name: "a", Site: "shop", Directive: long, Content: `{"x":2}`, Status: Proposed, Created: at.Add(-time.Hour), Updated: at}
	if diff := cmp.Diff(want, again[0]); diff != "" {
		t.Error(diff)
	}
	p, err := d.Proposal(t.Context(), 10)
	if diff := cmp.Diff(want, p); diff != "" || err != nil {
		t.Error(diff, err)
	}
	stale := p
	p.Status, p.Bundle, p.Owner, p.Reason, p.Expires = Applied, "b1", "ann", "because", at.Add(time.Hour)
	if err := d.UpdateProposal(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	if err := d.UpdateProposal(t.Context(), &stale); !errors.Is(err, ErrConflict) {
		t.Errorf("a change of what was read before another change: %v", err)
	}
	if kept, err := d.Proposal(t.Context(), 10); err != nil || cmp.Diff(p, kept) != "" {
		t.Error(cmp.Diff(p, kept), err)
	}
	add(Proposal{ID: 12, Name: "a"}) // the other one is no longer open
	if _, err := d.Proposal(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	ids := func(status ProposalStatus, after int64) (ids []int64) {
		t.Helper()
		all, err := d.Proposals(t.Context(), status, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			ids = append(ids, p.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]int64{10, 11, 12}, ids("", 0)) + cmp.Diff([]int64{12}, ids(Proposed, 11)); diff != "" {
		t.Error(diff)
	}
	at = at.Add(31 * 24 * time.Hour)
	used = []int64{11}
	add()
	if diff := cmp.Diff([]int64{10, 11}, ids("", 0)); diff != "" {
		t.Errorf("an open one in use has gone: %s", diff)
	}
	used = nil
	add()
	if diff := cmp.Diff([]int64{10}, ids("", 0)); diff != "" {
		t.Errorf("open ones that nobody wanted: %s", diff)
	}
	if err := d.AddProposals(t.Context(), []Proposal{{ID: 13, Content: strings.Repeat("x", maxProposal+1)}}, nil, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("too large: %v", err)
	}
}

func TestHits(t *testing.T) {
	at := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	d, err := Open(t.Context(), t.TempDir(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	add := func(node string, hits map[int64]int64) {
		t.Helper()
		if err := d.AddHits(t.Context(), node, hits); err != nil {
			t.Fatal(err)
		}
	}
	add("edge", map[int64]int64{1: 2, 2: 1})
	add("edge", map[int64]int64{1: 3})
	add("far", map[int64]int64{1: 4})
	at = at.Add(2 * time.Hour)
	add("edge", map[int64]int64{2: 7})
	check := func(since time.Time, want map[int64]Hits) {
		t.Helper()
		got, err := d.Hits(t.Context(), since)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	first, second := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	check(time.Time{}, map[int64]Hits{1: {1, 9, first}, 2: {2, 8, second}})
	check(at, map[int64]Hits{2: {2, 7, second}})

	// A sender says what it likes: counts stay readable, and those of other rules.
	add("far", map[int64]int64{3: math.MaxInt64, 4: -1})
	add("far", map[int64]int64{3: math.MaxInt64})
	for i := range 9 {
		add(strconv.Itoa(i), map[int64]int64{3: math.MaxInt64})
	}
	check(at, map[int64]Hits{2: {2, 7, second}, 3: {3, 10 * maxHits, second}, 4: {4, 0, second}})
}
