package store

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func readOnly(t testing.TB, dir string) *Columnar {
	t.Helper()
	s, err := OpenReadOnly(dir, Config{RetainAge: -1, Streams: []StreamConfig{{Name: "waf", Filter: "event.dataset: waf*", MaxAge: time.Hour, MaxBytes: 7}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// inStreams fills a store with events 1 to 400 in three streams.
func inStreams(t testing.TB, dir string) {
	t.Helper()
	s := mustOpen(t, dir, Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1})
	for at := 1; at < 401; at += 100 {
		putMixed(t, s, at, at+100)
		flushed(t, s)
	}
	s.Close()
}

func TestInventory(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	inv, err := readOnly(t, dir).Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if inv.Applied != 401 || len(inv.Streams) != 3 {
		t.Fatalf("inventory %+v", inv)
	}
	waf := inv.Streams[1]
	if waf.Name != "waf" || waf.Rows != 200 || waf.Segments != 4 || waf.Bytes == 0 || waf.MaxAge != time.Hour || waf.MaxBytes != 7 ||
		!waf.From.Equal(testTime.Add(2*time.Second)) || !waf.To.Equal(testTime.Add(400*time.Second)) || !waf.Since.Equal(testTime) {
		t.Errorf("stream %+v", waf)
	}
	i := slices.IndexFunc(inv.Columns, func(c ColumnInfo) bool { return c.Name == "message" })
	if i < 0 || inv.Columns[i].Entries != 400 || inv.Columns[i].Blocks != 12 || len(inv.Columns[i].Encodings) == 0 {
		t.Errorf("columns %+v", inv.Columns)
	}
	if !slices.IsSortedFunc(inv.Columns, func(a, b ColumnInfo) int { return int(b.Bytes - a.Bytes) }) {
		t.Error("the columns are not in the order of their size")
	}
}

// TestVerifyPlacesDamage flips bits of segments and wants the file, and the
// block and column where the bit is of one, while another process has the store.
func TestVerifyPlacesDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	inStreams(t, dir)
	verify := func() (found []Damage, sum Verified) {
		t.Helper()
		s := readOnly(t, dir)
		read := int64(0)
		sum, err := s.Verify(t.Context(), func(d Damage) { found = append(found, d) }, func(n, of int64) {
			if n <= read || n > of {
				t.Errorf("%d of %d bytes read, %d before", n, of, read)
			}
			read = n
		})
		if err != nil || sum.Damaged != len(found) {
			t.Fatal(sum, err)
		}
		s.Close()
		return found, sum
	}
	if found, sum := verify(); len(found) > 0 || sum.Segments != 12 || sum.Blocks != 12 || sum.Bytes == 0 {
		t.Fatalf("a whole store has damage %v; %+v", found, sum)
	}
	files, err := segmentIDs(dir)
	if err != nil {
		t.Fatal(err)
	}
	columns := 0
	for range 100 {
		name := segmentName(files[r.IntN(len(files))])
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw := bytes.Clone(whole)
		raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		found, _ := verify()
		if len(found) == 0 || slices.ContainsFunc(found, func(d Damage) bool { return d.File != name }) {
			t.Fatalf("damage of %s is found as %v", name, found)
		}
		if found[0].Column != "" {
			columns++
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if columns < 30 {
		t.Errorf("only %d of 100 flips were placed in a column", columns)
	}
	if err := os.Remove(filepath.Join(dir, segmentName(files[3]))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, segmentName(files[4])), []byte("GWSEGMT0"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Config{RetainAge: -1}) // a server does not start over it, and knows
	var found []string
	if _, err := s.Verify(t.Context(), func(d Damage) { found = append(found, d.File) }, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []string{segmentName(files[3]), segmentName(files[4])}) {
		t.Errorf("damage of two files is found as %v", found)
	}
}

func TestVerifyFindsADamagedManifest(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	if err := os.WriteFile(filepath.Join(dir, manifestName), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var found []Damage
	sum, err := readOnly(t, dir).Verify(t.Context(), func(d Damage) { found = append(found, d) }, nil)
	if err != nil || len(found) != 1 || found[0].File != manifestName || sum.Segments != 12 {
		t.Errorf("found %v, %+v, %v", found, sum, err)
	}
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	steps := 0
	cfg := Config{RetainAge: -1, Streams: threeStreams}
	c, err := Compact(t.Context(), dir, cfg, func(Compacted) { steps++ })
	if err != nil || c.SegmentsBefore != 12 || c.SegmentsAfter != 3 || c.BytesAfter >= c.BytesBefore || steps != 3 {
		t.Errorf("%+v in %d steps, %v", c, steps, err)
	}
	if again, err := Compact(t.Context(), dir, cfg, nil); err != nil || again.SegmentsAfter != 3 || again.BytesAfter != c.BytesAfter {
		t.Errorf("a second time %+v, %v", again, err)
	}
	s := mustOpen(t, dir, cfg)
	wantIDs(t, s, "*", 1, 401)
	if _, err := Compact(t.Context(), dir, cfg, nil); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a store that is open is compacted: %v", err)
	}
	if _, err := s.Inventory(t.Context()); err != nil {
		t.Error(err)
	}
	s.Close()
	if _, err := s.Inventory(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("inventory of a closed store: %v", err)
	}
}
