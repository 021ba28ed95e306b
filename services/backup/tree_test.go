package backup

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// TestWhatIsCopied: all folders of a server, but not what is being written; links
// that are left out are told.
func TestWhatIsCopied(t *testing.T) {
	data := still(t, "x")
	for _, name := range []string{
		"enrich/assets.csv", "geoip/GeoLite2-City.mmdb", "detect/snapshot", "rules/listen.json", "admin.token",
		"archive/a/manifest.json", "archive/a/part-00001.parquet",
		"archive/.b.new/manifest.json", "archive/.b.new/part-00001.parquet", "archive/.lock", "cold.new", "listen.json", "store/lock",
	} {
		put(t, filepath.Join(data, name), name)
	}
	outside := filepath.Join(t.TempDir(), "linked")
	put(t, filepath.Join(outside, "file"), "followed")
	for from, to := range map[string]string{
		"linked": outside, "rules/link": outside, "archive/elsewhere": outside, "dangling": filepath.Join(outside, "nothing"),
	} {
		if err := os.Symlink(to, filepath.Join(data, from)); err != nil {
			t.Fatal(err)
		}
	}
	db, err := state.Open(t.Context(), data, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log, err := audit.Open(filepath.Join(data, audit.Dir), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	target := t.TempDir()
	c := mustCreate(t, data, target, Options{})
	got := content(t, restored(t, target))
	var names []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !strings.HasPrefix(name, audit.Dir+"/") {
			names = append(names, name)
		}
	}
	want := []string{
		"admin.token", "archive/a/manifest.json", "archive/a/part-00001.parquet", "detect/snapshot", "enrich/assets.csv",
		"geoip/GeoLite2-City.mmdb", "linked/file", "queue/1.seg", "rules/a", "rules/b/c", "rules/listen.json", "state.db",
		"tokens.json", "x",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if left := c.LeftOut; !slices.Equal(left, []string{"archive/elsewhere", "dangling", "rules/link"}) {
		t.Errorf("left out: %v", left)
	}
	for path, text := range content(t, filepath.Join(data, audit.Dir)) {
		if !left(audit.Dir+"/"+path) && got[audit.Dir+"/"+path] != text {
			t.Errorf("audit log: %s is not in the backup", path)
		}
	}
	if got["linked/file"] != "followed" {
		t.Errorf("linked folder: %q", got["linked/file"])
	}
}

// TestUnchangedIsNotCopied: the second backup of a folder copies nothing, and does
// not even read what never changes.
func TestUnchangedIsNotCopied(t *testing.T) {
	data := still(t, "x")
	segments := []string{"000000000001-a.seg", "000000000002-b.seg"}
	for _, name := range segments {
		put(t, filepath.Join(data, queueName, name), name)
	}
	if err := os.Remove(filepath.Join(data, queueName, "1.seg")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(data, "archive/a/manifest.json"), "m")
	put(t, filepath.Join(data, "archive/a/part-00001.parquet"), "p")
	target := t.TempDir()
	mustCreate(t, data, target, Options{})
	var read []string
	c := mustCreate(t, data, target, Options{Progress: func(file string, _ int64) { read = append(read, file) }})
	if c.Copied != 0 {
		t.Errorf("%d bytes are copied again", c.Copied)
	}
	if want := []string{"rules/a", "rules/b/c", "tokens.json", "x", "queue/" + segments[1]}; !slices.Equal(read, want) {
		t.Errorf("read %v, want %v", read, want)
	}
	// The last segment has the size and the time of the copy, and more content, as
	// one that was written to within a tick of the clock.
	last := filepath.Join(data, queueName, segments[1])
	st, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	put(t, last, strings.ToUpper(segments[1]))
	put(t, filepath.Join(data, queueName, "000000000003-c.seg"), "")
	if err := os.Chtimes(last, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, data, target, Options{})
	if got := content(t, restored(t, target))["queue/"+segments[1]]; got != strings.ToUpper(segments[1]) {
		t.Errorf("queue segment: %s", got)
	}
}

// TestHostileIndex: an index whose hash is right and whose paths are not those of
// files of a data folder.
func TestHostileIndex(t *testing.T) {
	f := func(path string) {
		t.Helper()
		x := &Index{Files: []File{{Path: path, SHA256: strings.Repeat("0", 64)}}}
		dir := t.TempDir()
		if err := x.write(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
	for _, path := range []string{
		"", ".", "..", "./a", "a/", "a//b", "a/../b", "a/..", "../a", "/a", "a/.",
		incomplete, incomplete + ".new", incomplete + "/a",
	} {
		f(path)
	}
}
