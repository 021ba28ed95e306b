package waf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openTestSpool(t testing.TB, c SpoolConfig) *Spool {
	t.Helper()
	if c.SyncInterval == 0 {
		c.SyncInterval = time.Millisecond
	}
	s, err := OpenSpool(c, quiet, time.Now, func(refused uint64) []byte { return fmt.Appendf(nil, "refused %d", refused) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func flush(t testing.TB, s *Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// readAll returns the records from a sequence number on, as "seq:record".
func readAll(t testing.TB, s *Spool, from uint64) []string {
	t.Helper()
	flush(t, s)
	r := s.readFrom(from)
	defer r.close()
	var all []string
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what is there comes all the same
	for {
		first, records, err := r.next(ctx, 100)
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, rec := range records {
			all = append(all, fmt.Sprintf("%d:%s", first+uint64(i), rec))
		}
	}
	return all
}

func put(s *Spool, from, to int) {
	for i := from; i <= to; i++ {
		s.Put(fmt.Appendf(nil, "record %d", i))
	}
}

func TestSpoolKeepsWhatIsNotAcked(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, keyFile := range []string{"", key} {
		c := SpoolConfig{Dir: t.TempDir(), KeyFile: keyFile}
		s := openTestSpool(t, c)
		epoch := s.Epoch()
		put(s, 1, 500)
		flush(t, s)
		put(s, 501, 1000)
		if all := readAll(t, s, 1); len(all) != 1000 || all[0] != "1:record 1" || all[999] != "1000:record 1000" {
			t.Fatalf("%d records, %v", len(all), all[:min(3, len(all))])
		}
		if err := s.Ack(600); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openTestSpool(t, c)
		put(s, 1001, 1002)
		all := readAll(t, s, s.Stats().Acked+1)
		if len(all) != 402 || all[0] != "601:record 601" || all[401] != "1002:record 1002" || s.Epoch() != epoch {
			t.Fatalf("after a restart: %d records, first %v", len(all), all[:1])
		}
		files, err := filepath.Glob(filepath.Join(c.Dir, "*"+segmentSuffix))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if sealed := !bytes.Contains(b, []byte("record")); sealed != (keyFile != "") {
				t.Errorf("%s: sealed %t", f, sealed)
			}
		}
		if err := s.Ack(5000); !errors.Is(err, ErrAhead) {
			t.Errorf("ack beyond the end: %v", err)
		}
	}
}

func TestSpoolNeedsItsKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, key string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	c := SpoolConfig{Dir: t.TempDir(), KeyFile: write("a", strings.Repeat("61", 32)+"\n")}
	s := openTestSpool(t, c)
	put(s, 1, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(keyFile, want string) {
		t.Helper()
		s, err := OpenSpool(SpoolConfig{Dir: c.Dir, KeyFile: keyFile}, quiet, time.Now, nil)
		if err == nil {
			err = s.Close()
		}
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("key %s: %s, want %s", keyFile, got, want)
		}
	}
	f(write("b", strings.Repeat("x", 32)), "sealed under another key")
	f("", "sealed under another key")
	f(write("c", "short"), "want 32 bytes")
	f(c.KeyFile, "<nil>")
}

func TestSpoolIsLocked(t *testing.T) {
	c := SpoolConfig{Dir: t.TempDir()}
	openTestSpool(t, c)
	if _, err := OpenSpool(c, quiet, time.Now, nil); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second open: %v", err)
	}
}

// TestSpoolFull fills a spool: the oldest records stay, what is refused is
// counted, and the count is in the spool as a few records.
func TestSpoolFull(t *testing.T) {
	dir := t.TempDir()
	s := openTestSpool(t, SpoolConfig{Dir: dir, MaxBytes: 64 << 10})
	record := bytes.Repeat([]byte("x"), 1000)
	const n = 200
	for range n {
		s.Put(record)
		flush(t, s)
	}
	stats := s.Stats()
	if stats.Refused == 0 || stats.Bytes > 64<<10+reserve {
		t.Fatalf("%+v", stats)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTestSpool(t, SpoolConfig{Dir: dir, MaxBytes: 64 << 10})
	stats = s.Stats()
	kept, told, notices := 0, 0, 0
	for _, r := range readAll(t, s, 1) {
		_, text, _ := strings.Cut(r, ":")
		var count int
		if k, _ := fmt.Sscanf(text, "refused %d", &count); k == 1 {
			notices++
			told += count
		} else {
			kept++
		}
	}
	if kept+int(stats.Refused) != n || told != int(stats.Refused) || notices > 2 {
		t.Errorf("%d kept, %d refused of %d, %d notices of %d", kept, stats.Refused, n, notices, told)
	}
	if err := s.Ack(stats.Last); err != nil {
		t.Fatal(err)
	}
	if !s.Put(record) {
		t.Error("put refused")
	}
	flush(t, s)
	if after := s.Stats(); after.Refused != stats.Refused || after.Last != stats.Last+1 {
		t.Errorf("after all was acknowledged: %+v", after)
	}
}

// TestSpoolBufferFull holds the writer up: what finds no memory is counted.
func TestSpoolBufferFull(t *testing.T) {
	s := openTestSpool(t, SpoolConfig{Dir: t.TempDir(), BufferBytes: 64 << 10})
	s.mu.Lock() // the writer needs it
	record := bytes.Repeat([]byte("x"), 4000)
	took := 0
	for range 100 {
		if s.Put(record) {
			took++
		}
	}
	s.mu.Unlock()
	flush(t, s)
	if stats := s.Stats(); took == 100 || int(stats.Refused) != 100-took {
		t.Errorf("%d taken, %+v", took, stats)
	}
}

// TestSpoolDamage flips every kind of byte: at most one frame is lost.
func TestSpoolDamage(t *testing.T) {
	dir := t.TempDir()
	s := openTestSpool(t, SpoolConfig{Dir: dir})
	for i := 1; i <= 20; i++ {
		put(s, i, i)
		flush(t, s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		if at%7 != 0 {
			continue
		}
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x10
		if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, cursorName)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		s := openTestSpool(t, SpoolConfig{Dir: dir, SyncInterval: time.Hour / 60})
		all := readAll(t, s, 1)
		if last := s.Stats().Last; len(all) < 19 || last == 20 && len(all)+int(s.Stats().Damaged) != 20 {
			t.Fatalf("byte %d: %d records, %+v", at, len(all), s.Stats())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A torn end is not an end of service.
	if err := os.WriteFile(files[0], whole[:len(whole)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	s = openTestSpool(t, SpoolConfig{Dir: dir})
	put(s, 20, 20)
	if all := readAll(t, s, 1); len(all) != 20 {
		t.Errorf("after a torn end: %d records", len(all))
	}
}

// TestSpoolIsSynced puts more than a segment holds before the first sync: each
// byte is synced before a reader sees it, also those of a segment that is full.
func TestSpoolIsSynced(t *testing.T) {
	s := openTestSpool(t, SpoolConfig{Dir: t.TempDir(), MaxBytes: 1 << 20, SyncInterval: time.Minute})
	synced := map[string]int64{} // of the writer, until Close has ended it
	s.fsync = func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		synced[f.Name()] = info.Size()
		return syncFile(f)
	}
	record := bytes.Repeat([]byte("x"), 10_000)
	for range 80 {
		s.Put(record)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(s.segments) < 3 {
		t.Fatalf("%d segments", len(s.segments))
	}
	for _, seg := range s.segments {
		if seg.size == 0 || synced[seg.path] != seg.size {
			t.Errorf("%s: %d of %d bytes are synced", filepath.Base(seg.path), synced[seg.path], seg.size)
		}
	}
	if stats := s.Stats(); stats.Durable != 80 {
		t.Errorf("%+v", stats)
	}
}

// TestSpoolSyncFails fails one sync: that segment is not written again, and its
// records are sent all the same.
func TestSpoolSyncFails(t *testing.T) {
	s := openTestSpool(t, SpoolConfig{Dir: t.TempDir()})
	calls := 0
	s.fsync = func(f *os.File) error {
		calls++
		if calls == 1 {
			return errors.New("input/output error")
		}
		return syncFile(f)
	}
	s.mu.Lock() // the writer needs it: none of the three is synced before the others are there
	put(s, 1, 3)
	s.mu.Unlock()
	flush(t, s)
	put(s, 4, 6)
	if all := readAll(t, s, 1); len(all) != 6 || all[5] != "6:record 6" {
		t.Errorf("records %v", all)
	}
	if len(s.segments) != 2 || s.segments[0].next != 4 {
		t.Errorf("%d segments", len(s.segments))
	}
}

func TestSpoolSegmentsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s := openTestSpool(t, SpoolConfig{Dir: dir, MaxBytes: 1 << 20})
	record := bytes.Repeat([]byte("x"), 10_000)
	count := func() int {
		files, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	for range 60 {
		s.Put(record)
		flush(t, s)
	}
	before := count()
	if err := s.Ack(59); err != nil {
		t.Fatal(err)
	}
	if after := count(); before < 4 || after != 1 {
		t.Errorf("%d segments, %d after the acknowledgement", before, after)
	}
	if all := readAll(t, s, 60); len(all) != 1 {
		t.Errorf("%d records remain", len(all))
	}
}

// FuzzSpoolSegment opens a spool on a segment of any bytes behind a true frame.
func FuzzSpoolSegment(f *testing.F) {
	var m marker
	copy(m[:], "12345678")
	good := buildFrame(nil, m, 1, 2, []byte("\x01a\x02bc"), nil, nil)
	f.Add(good)
	f.Add(buildFrame(good, m, 3, 1, []byte("\x01d"), nil, nil))
	f.Add(append(good[:20:20], good...))
	dir := f.TempDir() // one for all, because a new epoch is synced to the disk
	f.Fuzz(func(t *testing.T, b []byte) {
		old, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(old, filepath.Join(dir, cursorName)) {
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%016x-%016x%s", 1, m, segmentSuffix)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openTestSpool(t, SpoolConfig{Dir: dir, SyncInterval: time.Minute})
		seen := uint64(0)
		for _, r := range readAll(t, s, 1) {
			var seq uint64
			if _, err := fmt.Sscanf(r, "%d:", &seq); err != nil || seq <= seen {
				t.Fatalf("sequence %d after %d", seq, seen)
			}
			seen = seq
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
