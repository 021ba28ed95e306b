package rules

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestStart: whatever is wrong with the files, a server starts with the rules used
// last, or with those of the pack, and says what is wrong until it is mended.
func TestStart(t *testing.T) {
	pack := fstest.MapFS{"a.yml": {Data: []byte(admin)}}
	f := func(cfg Config, want string) {
		t.Helper()
		cfg.Pack = true
		w := newWorld(t, cfg, pack)
		if err := w.keeper.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := w.keeper.InUse()
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := s.Rules(); n != 1 || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0].Error(), want) {
			t.Errorf("%d rules, warnings %v, want %s", n, texts(s.Warnings), want)
		}
		w.send("/admin")
		w.run()
		w.want(findings, event.RuleName, "Admin page")
	}
	dir := t.TempDir()
	write(t, dir+"/bad.yml", "disable: a\n")
	f(Config{Overlay: dir + "/bad.yml"}, dir+"/bad.yml:1:10: the rules as they are now are not in use: disable must be a list")
	f(Config{Overlay: dir + "/gone.yml"}, "rules.overlay: read "+dir+"/gone.yml: no such file or directory")
	f(Config{Dirs: []string{dir + "/gone"}}, "rules.dirs: read "+dir+"/gone: no such file or directory")
	f(Config{Pipelines: []string{dir + "/gone.yml"}}, "rules.pipelines: read "+dir+"/gone.yml: no such file or directory")
	f(Config{Pipelines: []string{dir + "/bad.yml"}}, dir+"/bad.yml:")
}

// TestStartAgain: after a restart those used last stay, not only the pack's.
func TestStartAgain(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dirs: []string{dir}, Overlay: dir + "/overlay.yaml.txt"}
	write(t, dir+"/admin.yml", admin)
	write(t, cfg.Overlay, "level: {Admin page: low}\n")
	w := newWorld(t, cfg, nil)
	if err := w.keeper.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.close()
	if err := os.Remove(cfg.Overlay); err != nil {
		t.Fatal(err)
	}
	w.open(cfg, nil)
	if err := w.keeper.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.send("/admin")
	w.run()
	w.want(findings, event.EventSeverity, "30")
	if s, err := w.keeper.InUse(); err != nil || len(s.Warnings) != 1 {
		t.Errorf("%v, %v", s, err)
	}
	write(t, cfg.Overlay, "level: {Admin page: low}\n")
	w.refresh()
	if s, err := w.keeper.InUse(); err != nil || len(s.Warnings) != 0 {
		t.Errorf("after it was mended: %v, %v", texts(s.Warnings), err)
	}
}

// logged is a log that many write to.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestWatchMends: a broken file is tried again seldom, a changed one at once; each
// broken state is logged once, and so is a file that was removed.
func TestWatchMends(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dirs: []string{dir}, Overlay: dir + "/overlay.txt", Poll: time.Second}
	write(t, dir+"/admin.yml", admin)
	write(t, cfg.Overlay, "disable: []\n")
	log := new(logged)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, cfg, nil)
		w.refresh()
		w.keeper.Log = slog.New(slog.NewTextHandler(log, nil))
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			if err := w.keeper.Watch(ctx); err != nil {
				t.Error(err)
			}
		})
		defer done.Wait()
		defer stop()
		pass := func(d time.Duration) {
			<-time.After(d) // in the bubble's time
			synctest.Wait()
		}
		first := w.keeper.Current()
		pass(time.Minute)
		write(t, cfg.Overlay, "disable: broken\n")
		pass(10 * time.Minute)
		if n := log.count("change rules, those in use stay"); n != 1 {
			t.Errorf("a broken state is logged %d times", n)
		}
		write(t, cfg.Overlay, "disable: broken too\n")
		pass(2 * time.Second)
		if n := log.count("change rules, those in use stay"); n != 2 {
			t.Errorf("two broken states are logged %d times", n)
		}
		pass(10 * time.Minute)
		if err := os.Remove(cfg.Overlay); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		if n := log.count("no such file or directory"); n != 1 || w.keeper.Current() != first {
			t.Errorf("a removed overlay is logged %d times", n)
		}
		pass(10 * time.Minute)
		write(t, cfg.Overlay, "level: {Admin page: low}\n")
		pass(2 * time.Second)
		if w.keeper.Current() == first {
			t.Error("the mended overlay is not in use after two looks")
		}
	})
}

// TestCollections: findings name the collection and the licence of its folder, and
// paths are those of the machine.
func TestCollections(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/sigma/LICENSE", "# Licenses\n\nThe rules are released under the [Detection Rule License (DRL) 1.1](https://example.org)\n")
	write(t, dir+"/sigma/rules/web/admin.yml", strings.Replace(admin, "license: DRL-1.1\n", "", 1))
	write(t, dir+"/own/LICENSE.txt", "MIT License\n\nCopyright\n")
	write(t, dir+"/own/deep/er/other.yml", strings.NewReplacer("license: DRL-1.1\n", "", "/admin", "/other", "1111", "3333").Replace(admin))
	write(t, dir+"/own/named.yml", strings.NewReplacer("/admin", "/named", "1111", "4444").Replace(admin))
	w := newWorld(t, Config{Dirs: []string{dir + "/sigma/rules", dir + "/own/"}}, nil)
	w.refresh()
	w.send("/admin", "/other", "/named")
	w.run()
	w.want(findings+" | sort url.path", event.RuleRuleset, "sigma", "own", "own")
	w.want(findings+" | sort url.path", event.RuleLicense, "DRL 1.1", "DRL-1.1", "MIT")
	s, err := w.keeper.InUse()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, d := range s.Documents() {
		paths = append(paths, d.Path)
	}
	want := []string{dir + "/sigma/rules/web/admin.yml", dir + "/own/deep/er/other.yml", dir + "/own/named.yml"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

func TestLicenseName(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := licenseName(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	f("# Detection Rule License (DRL) 1.1\n\nPermission is hereby granted", "DRL 1.1")
	f("Detection Rule License\n", "DRL")
	f("\n                                 Apache License\n                           Version 2.0, January 2004\n", "Apache-2.0")
	f("The MIT License (MIT)\n", "MIT")
	f("\n== Elastic License 2.0 ==\nURL", "Elastic License 2.0")
	f("\x1b[31mred\xff\n", "[31mred")
	f(strings.Repeat("é", 100), strings.Repeat("é", 50))
	f("", "")
}
