package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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

// TestRetentionOfUnread: a segment that could not be read when the manifest was
// made anew is read once more when its time is over. If that fails its file is
// kept and told, and not for the archive; a crash in between changes nothing.
func TestRetentionOfUnread(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	now := start
	archived := 0
	cfg := Config{
		RetainAge: time.Hour, MinFreeBytes: 1, Now: func() time.Time { return now },
		Archive: func(context.Context, Retired) error { archived++; return nil },
	}
	dir := t.TempDir()
	s := mustOpen(t, dir, cfg)
	if err := s.Write(t.Context(), Batch{First: 1, Next: 3, Events: []event.Event{{ID: "a", Time: 1}, {ID: "b", Time: 2}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := segmentName(1)
	path := filepath.Join(dir, name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, make([]byte, len(whole)), 0o600), os.WriteFile(filepath.Join(dir, manifestName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if s, err = openLocked(dir, cfg); err != nil {
		t.Fatal(err)
	}
	s.stop = func() {}
	round := func(wantSegments, wantArchived int) {
		t.Helper()
		s.lookAgainAtUnread()
		if err := errors.Join(s.archive(t.Context()), s.retain()); err != nil {
			t.Error(err)
		}
		if n := len(s.SegmentNames()); n != wantSegments || archived != wantArchived {
			t.Errorf("%d segments, %d archived", n, archived)
		}
	}
	round(1, 0)
	now = now.Add(2 * time.Hour)
	s.manifests.Lock()
	undo := s.keepUnread(s.expire().gone) // and then it cannot be written
	undo()
	s.manifests.Unlock()
	if len(s.Lost()) > 0 || s.listed()[0].kept.Load() {
		t.Error("what was not done is noted")
	}
	round(0, 0)
	lost := s.Lost()
	if len(lost) != 1 || !lost[0].Unread || !lost[0].Kept || lost[0].File != filepath.Join(QuarantineName, name) {
		t.Errorf("noted: %+v", lost)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var damage []string
	r := readOnly(t, dir)
	if _, err := r.Verify(t.Context(), func(d Damage) { damage = append(damage, d.Err.Error()) }, nil); err != nil || len(damage) != 1 {
		t.Errorf("verify: %v, %v", damage, err)
	}

	// One that can be read again is what it was, and archived.
	if err := errors.Join(os.WriteFile(path, make([]byte, len(whole)), 0o600), os.WriteFile(filepath.Join(dir, manifestName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if s, err = openLocked(dir, cfg); err != nil {
		t.Fatal(err)
	}
	s.stop = func() {}
	now = now.Add(2 * time.Hour)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	// Its own age is over too. The manifest was made anew at a time when the queue
	// offsets of its events were not known to be stored, which is not known here.
	s.listed()[0].info.Next = 3
	round(0, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
