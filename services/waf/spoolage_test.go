package waf

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := began.Add
	var a ages
	f := func(now, want time.Duration) {
		t.Helper()
		if got := a.oldest(at(now)); got != want {
			t.Errorf("after %s the oldest is %s old, want %s", now, got, want)
		}
	}
	f(0, 0)
	a.wrote(1, at(0))
	a.wrote(9, at(100*time.Millisecond)) // of the same second
	f(5*time.Second, 5*time.Second)
	a.wrote(20, at(6*time.Second))
	a.acked(5)
	f(7*time.Second, 7*time.Second)
	a.acked(9)
	f(7*time.Second, time.Second)
	a.acked(20)
	f(time.Hour, 0)
	a.wrote(21, at(2*time.Hour))
	f(time.Hour, 0) // a clock that was set back
	a.acked(21)

	const hours = 30
	for i := range hours * 3600 {
		a.wrote(uint64(22+i), at(time.Duration(i)*time.Second))
	}
	if len(a.marks) > maxMarks {
		t.Errorf("%d marks", len(a.marks))
	}
	f(hours*time.Hour, hours*time.Hour)
	a.acked(22 + hours*3600/2)
	if got, want := a.oldest(at(hours*time.Hour)), hours*time.Hour/2; got < want-time.Second || got > want+time.Hour {
		t.Errorf("half of them are acknowledged: %s, want some more than %s", got, want)
	}
}

// TestSpoolAge has a spool tell how old the records are that the server does not
// hold, those from before a restart too.
func TestSpoolAge(t *testing.T) {
	c := SpoolConfig{Dir: t.TempDir()}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	open := func() *Spool {
		t.Helper()
		s, err := OpenSpool(c, quiet, func() time.Time { return now }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if !s.Put([]byte("one")) {
		t.Fatal("refused")
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.Dir, "*"+segmentSuffix))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Chtimes(files[0], now, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	s = open()
	defer s.Close()
	if got := s.Stats(); got.Age != time.Hour || got.Records != 1 {
		t.Errorf("%+v", got)
	}
	if err := s.Ack(1); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Age != 0 {
		t.Errorf("all is acknowledged: %+v", got)
	}
}
