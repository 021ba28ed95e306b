package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestArchiveBeforeRetention: nothing is deleted whose events were not taken
// before, and what cannot be archived stays and is tried again later.
func TestArchiveBeforeRetention(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var ids []string
	var refuse error
	cfg := Config{
		RetainAge: time.Hour, MinFreeBytes: 1, FlushAge: time.Hour, Now: func() time.Time { return now },
		Archive: func(_ context.Context, r Retired) error {
			damaged, err := r.Each(func(e *event.Event) error {
				ids = append(ids, e.ID)
				return nil
			})
			if damaged != 0 || err != nil || r.From != 1 || r.To != 2 || r.Rows != 2 || r.Stream != DefaultStream {
				t.Errorf("%+v, %d, %v", r, damaged, err)
			}
			return refuse
		},
	}
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	b := Batch{First: 1, Next: 3, Events: []event.Event{{ID: "a", Time: 1}, {ID: "b", Time: 2}}}
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // it is a segment now, and nobody maintains it
		t.Fatal(err)
	}
	s, err := openLocked(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.stop = func() {}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	now = now.Add(2 * time.Hour)
	f := func(wantErr bool, wantIDs []string, wantSegments int) {
		t.Helper()
		ids = nil
		if err := s.archive(t.Context()); (err != nil) != wantErr {
			t.Errorf("archive: %v", err)
		}
		if err := s.retain(); err != nil {
			t.Error(err)
		}
		if !slices.Equal(ids, wantIDs) || len(s.SegmentNames()) != wantSegments {
			t.Errorf("archived %v, segments %v", ids, s.SegmentNames())
		}
	}
	refuse = errors.New("disk is full")
	f(true, []string{"a", "b"}, 1)
	f(false, nil, 1) // not at once again
	now = now.Add(archivePause)
	refuse = nil
	f(false, []string{"a", "b"}, 0)
}
