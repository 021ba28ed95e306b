package rules

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFilesThatCannotBeRead: each is rejected by itself, and the others count.
func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/admin.yml", admin)
	write(t, dir+"/large.yml", strings.Repeat("#", maxFile+1))
	if err := os.Symlink(dir+"/nowhere", dir+"/dangling.yml"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/pipe.yml", 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Config{Dirs: []string{dir}}, nil)
	for range 2 { // also when nothing has changed
		rejected := strings.Join(w.refresh(), "\n")
		for _, want := range []string{dir + "/dangling.yml", "large.yml has more than 4 MiB", "pipe.yml is not a regular file"} {
			if !strings.Contains(rejected, want) {
				t.Errorf("rejected are %q, want %q", rejected, want)
			}
		}
	}
	s, err := w.keeper.InUse()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := s.Rules(); n != 1 {
		t.Errorf("%d rules in use, want 1", n)
	}
}

func TestStampLooksBehindLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real/admin.yml", admin)
	if err := os.Symlink(dir+"/real", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	k := &Keeper{config: Config{Dirs: []string{dir + "/link"}}}
	before := k.stamp()
	write(t, dir+"/real/admin.yml", admin+"# more\n")
	changed := k.stamp()
	if changed == before {
		t.Error("a change behind a link is not seen")
	}
	if err := os.Chmod(dir+"/real/admin.yml", 0o640); err != nil {
		t.Fatal(err)
	}
	if k.stamp() == changed {
		t.Error("a change of rights is not seen")
	}
}

// TestLostBundle: rules that are still in their folder are used although their
// bundle was lost.
func TestLostBundle(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dirs: []string{dir}}
	write(t, dir+"/admin.yml", admin)
	w := newWorld(t, cfg, nil)
	w.refresh()
	_, before := w.queue.Bounds()
	w.close()
	if err := os.Remove(w.keeper.archives.path(w.keeper.Current())); err != nil {
		t.Fatal(err)
	}
	w.open(cfg, nil)
	w.refresh()
	if _, err := os.Stat(w.keeper.archives.path(w.keeper.Current())); err != nil {
		t.Error(err)
	}
	if _, after := w.queue.Bounds(); after != before {
		t.Errorf("the queue ends at %d, want %d: nothing has changed", after, before)
	}
}

// TestKilledWhileChanging: where it is not known which control record is the
// last, another one settles it.
func TestKilledWhileChanging(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dirs: []string{dir}}
	write(t, dir+"/admin.yml", admin)
	w := newWorld(t, cfg, nil)
	w.refresh()
	_, before := w.queue.Bounds()
	path := filepath.Join(w.keeper.Dir, currentName)
	w.close()
	write(t, path, w.keeper.Current()) // without the mark: killed before the record was durable
	w.open(cfg, nil)
	w.refresh()
	if _, after := w.queue.Bounds(); after != before+1 {
		t.Errorf("the queue ends at %d, want %d", after, before+1)
	}
	w.close()
	w.open(cfg, nil)
	w.refresh()
	if _, after := w.queue.Bounds(); after != before+1 {
		t.Errorf("the queue ends at %d after it was settled, want %d", after, before+1)
	}
}

func TestKeyStays(t *testing.T) {
	w := newWorld(t, Config{}, nil)
	key := w.keeper.key
	w.close()
	w.open(Config{}, nil)
	if w.keeper.key != key {
		t.Error("the key of correlations is another one after a restart")
	}
}

func TestSameID(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.yml", admin)
	write(t, dir+"/copy.yml", admin)
	w := newWorld(t, Config{Dirs: []string{dir}}, nil)
	if rejected := w.refresh(); len(rejected) != 1 || !strings.Contains(rejected[0], "a rule in "+dir+"/a.yml has the same id") {
		t.Errorf("rejected are %q", rejected)
	}
}
