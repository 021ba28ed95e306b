package rules

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// world is a queue, a store, and rules in a folder.
type world struct {
	t      *testing.T
	dir    string
	queue  *queue.Disk
	store  *store.Columnar
	keeper *Keeper
	seq    uint64
}

func newWorld(t *testing.T, cfg Config, pack fs.FS) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.open(cfg, pack)
	t.Cleanup(w.close)
	return w
}

func (w *world) open(cfg Config, pack fs.FS) {
	w.t.Helper()
	var err error
	if w.queue, err = queue.Open(w.dir+"/queue", queue.Config{MinFreeBytes: 1}, quiet, nil); err != nil {
		w.t.Fatal(err)
	}
	if w.store, err = store.Open(w.dir+"/store", store.Config{MinFreeBytes: 1}); err != nil {
		w.t.Fatal(err)
	}
	w.keeper, err = Open(cfg, Options{Dir: w.dir + "/rules", Pack: pack, Queue: w.queue, Log: quiet, Now: func() time.Time { return noon }})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	if err := errors.Join(w.store.Close(), w.queue.Close()); err != nil {
		w.t.Error(err)
	}
}

// refresh puts the rules in use and returns the rejected documents.
func (w *world) refresh() []string {
	w.t.Helper()
	s, err := w.keeper.Refresh(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var rejected []string
	for _, e := range s.Rejected {
		rejected = append(rejected, e.Error())
	}
	return rejected
}

// send appends access-log events that ask for paths.
func (w *world) send(paths ...string) {
	w.t.Helper()
	g := queue.Group{Source: "gw", Format: "nginx.access", Epoch: queue.Epoch{1}}
	for _, p := range paths {
		w.seq++
		line := `203.0.113.9 - - [21/Nov/2026:12:00:00 +0000] "GET ` + p + ` HTTP/1.1" 200 12 "-" "curl/8"`
		g.Records = append(g.Records, queue.Record{Seq: w.seq, Received: noon.UnixNano(), Raw: []byte(line)})
	}
	if _, err := w.queue.Append(w.t.Context(), []queue.Group{g}); err != nil {
		w.t.Fatal(err)
	}
}

// run lets a new pipeline make events and findings of all that is queued.
func (w *world) run() {
	w.t.Helper()
	p, err := pipeline.New(pipeline.Config{}, pipeline.Options{
		Queue: w.queue, Store: w.store, Log: quiet, Now: time.Now, Detectors: w.keeper, State: w.dir + "/detect",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, end := w.queue.Bounds()
	if err := p.RunTo(w.t.Context(), end); err != nil {
		w.t.Fatal(err)
	}
}

// search returns a field of the events that match.
func (w *world) search(text string, k event.Key) []string {
	w.t.Helper()
	q, err := query.Parse(text, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	if _, err := w.store.Search(w.t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		all = append(all, strings.Clone(e.Get(k).String()))
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) want(query string, k event.Key, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.search(query, k)); diff != "" {
		w.t.Errorf("%s: %s", query, diff)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const findings = "event.dataset: gatewatch.finding"

const admin = `title: Admin page
id: 11111111-1111-4111-8111-111111111111
author: A. Nalyst
license: DRL-1.1
level: high
tags: [attack.initial-access, attack.t1190]
logsource: {category: webserver}
detection:
  sel: {url.path|startswith: /admin}
  condition: sel
`

const burst = `title: Many admin pages
id: 22222222-2222-4222-8222-222222222222
level: critical
correlation:
  type: event_count
  rules: [11111111-1111-4111-8111-111111111111]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3}
  generate: true
`

func TestFindings(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/web/admin.yml", admin)
	write(t, dir+"/burst.yaml", burst)
	write(t, dir+"/broken.yml", "title: Broken\nlogsource: {category: x}\ndetection: {sel: {a: b}, condition: nowhere}\n")
	write(t, dir+"/.git/hidden.yml", admin)
	write(t, dir+"/notes.txt", "no rule")
	w := newWorld(t, Config{Dirs: []string{dir}}, nil)
	rejected := w.refresh()
	if len(rejected) != 1 || !strings.HasPrefix(rejected[0], dir+"/broken.yml:3:") {
		t.Errorf("rejected are %q", rejected)
	}
	w.send("/", "/admin", "/Admin/users", "/admin?x", "/other")
	w.run()
	w.want(findings+" and rule.name: \"Admin page\" | sort url.path", event.URLPath, "/admin", "/admin", "/Admin/users")
	w.want(findings+" and rule.name: \"Many admin pages\"", event.FindingGroup, "source.ip=203.0.113.9")
	w.want(findings+" and event.severity: 90", event.FindingCount, "3")
	w.want(findings+" and threat.technique.id: T1190 and threat.tactic.id: TA0001 | limit 1", event.RuleAuthor, "A. Nalyst")
	w.want("not event.dataset: gatewatch.finding | sort url.path", event.URLPath, "/", "/admin", "/admin", "/Admin/users", "/other")
}

// TestChange changes the rules while records come, and starts again.
func TestChange(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Dirs: []string{dir}}
	write(t, dir+"/admin.yml", admin)
	w := newWorld(t, cfg, nil)
	w.refresh()
	w.send("/admin/1")
	write(t, dir+"/admin.yml", strings.ReplaceAll(admin, "/admin", "/secret"))
	w.refresh()
	w.refresh() // nothing new
	w.send("/admin/2", "/secret/3")
	w.run()
	w.want(findings+" | sort url.path", event.URLPath, "/admin/1", "/secret/3")

	w.close()
	w.open(cfg, nil)
	w.refresh()
	w.send("/secret/4", "/admin/5")
	w.run()
	w.want(findings+" | sort url.path", event.URLPath, "/admin/1", "/secret/3", "/secret/4")
	if _, end := w.queue.Bounds(); end != 8 { // 5 events and 2 changes
		t.Errorf("the queue ends at %d, want 8", end)
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/admin.yml", admin)
	w := newWorld(t, Config{Dirs: []string{dir}, Poll: time.Millisecond}, nil)
	done := make(chan error, 1)
	w.refresh()
	first := w.keeper.Current()
	ctx, stop := context.WithCancel(t.Context())
	defer func() {
		stop()
		<-done
	}()
	go func() { done <- w.keeper.Watch(ctx) }()
	write(t, dir+"/more.yml", strings.NewReplacer("/admin", "/more", "1111", "3333").Replace(admin))
	for late := time.After(time.Minute); w.keeper.Current() == first; {
		select {
		case <-late:
			t.Fatal("the new rule is not in use")
		case err := <-done:
			done <- err
			t.Fatalf("watch ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestForeignNames: rules in the taxonomy of Sigma find the fields of our
// parsers, a pipeline of the operator comes after, and a filter takes out.
func TestForeignNames(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/rules/web.yml", `title: Query
name: query
logsource: {category: webserver}
detection:
  sel: {cs-uri-query|contains: select, cs-method: GET}
  condition: sel
`)
	write(t, dir+"/rules/own.yml", `title: Own name
logsource: {category: webserver}
detection:
  sel: {wo: /own}
  condition: sel
`)
	write(t, dir+"/pipeline.yml", `name: own
priority: 50
transformations:
  - {id: own, type: field_name_mapping, mapping: {wo: url.path}}
`)
	f := func(overlay string, want ...string) {
		t.Helper()
		write(t, dir+"/overlay.yml", overlay)
		w := newWorld(t, Config{Dirs: []string{dir + "/rules"}, Pipelines: []string{dir + "/pipeline.yml"}, Overlay: dir + "/overlay.yml"}, nil)
		if rejected := w.refresh(); rejected != nil {
			t.Errorf("rejected are %q", rejected)
		}
		w.send("/a?q=1+SELECT", "/quiet?q=select", "/own")
		w.run()
		w.want(findings+" | sort url.path", event.URLPath, want...)
	}
	f("", "/a", "/own", "/quiet")
	f(`filters:
  - title: Not there
    logsource: {category: webserver}
    filter:
      rules: [query]
      quiet: {cs-uri-stem: /quiet}
      condition: not quiet
`, "/a", "/own")
}

// TestDamagedBundle: rules whose file is damaged are not used.
func TestDamagedBundle(t *testing.T) {
	w := newWorld(t, Config{Pack: true}, fstest.MapFS{"a.yml": {Data: []byte(admin)}})
	w.refresh()
	name := w.keeper.archives.path(w.keeper.Current())
	other, err := (&bundle{files: []file{{"pack/a.yml", []byte(burst)}}}).archive()
	if err != nil {
		t.Fatal(err)
	}
	w.keeper.sets = nil
	for _, text := range []string{string(other), "no zip", ""} {
		write(t, name, text)
		if _, err := w.keeper.Detector(w.keeper.Current()); err == nil {
			t.Errorf("rules of a damaged file are used: %q", text)
		}
	}
	for _, fingerprint := range []string{"", "../../etc/passwd", strings.Repeat("0", 32)} {
		if _, err := w.keeper.Detector(fingerprint); err == nil {
			t.Errorf("rules %q are used", fingerprint)
		}
	}
}

func TestFingerprint(t *testing.T) {
	f := func(files ...file) string { return (&bundle{files: files}).fingerprint() }
	seen := map[string]bool{}
	for _, p := range []string{
		f(), f(file{"a", []byte("b")}), f(file{"ab", nil}), f(file{"", []byte("ab")}), f(file{"a", nil}, file{"b", nil}),
	} {
		if seen[p] {
			t.Errorf("two bundles have the fingerprint %s", p)
		}
		seen[p] = true
	}
}

func TestPrune(t *testing.T) {
	dir := archives(t.TempDir())
	for i, name := range []string{"old", "middle", "new"} {
		write(t, dir.path(name), name)
		at := noon.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(dir.path(name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.prune(2, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.path("old")); err != nil {
		t.Errorf("a bundle that is not old enough: %v", err)
	}
	if err := dir.prune(2, noon.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.path("old")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the oldest bundle: %v", err)
	}
	for _, name := range []string{"middle", "new"} {
		if _, err := os.Stat(dir.path(name)); err != nil {
			t.Error(err)
		}
	}
}

func TestAttack(t *testing.T) {
	tacticIDs, techniqueIDs := attack([]string{"attack.credential_access", "attack.t1110.003", "attack.toolkit", "cve.2021-44228", "attack.impact"})
	if !cmp.Equal(tacticIDs, []string{"TA0006", "TA0040"}) || !cmp.Equal(techniqueIDs, []string{"T1110.003"}) {
		t.Errorf("tactics %v, techniques %v", tacticIDs, techniqueIDs)
	}
}
