package enrich

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/enrich/enrichtest"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// world is a queue, a store and data in a folder.
type world struct {
	t      *testing.T
	dir    string
	queue  *queue.Disk
	store  *store.Columnar
	keeper *Keeper
	seq    uint64
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.open(cfg)
	t.Cleanup(w.close)
	return w
}

func (w *world) open(cfg Config) {
	w.t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if w.queue, err = queue.Open(w.dir+"/queue", queue.Config{MinFreeBytes: 1}, quiet, nil); err != nil {
		w.t.Fatal(err)
	}
	if w.store, err = store.Open(w.dir+"/store", store.Config{MinFreeBytes: 1}); err != nil {
		w.t.Fatal(err)
	}
	w.keeper, err = Open(cfg, Options{Dir: w.dir + "/enrich", GeoDir: w.dir + "/geoip", Queue: w.queue, Log: quiet, Now: time.Now})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	if err := errors.Join(w.store.Close(), w.queue.Close()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) refresh() *Set {
	w.t.Helper()
	s, err := w.keeper.Refresh(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// write writes a file of the folder and returns its path.
func (w *world) write(name string, text []byte) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// put queues a record from an address.
func (w *world) put(addr string) {
	w.t.Helper()
	w.seq++
	g := queue.Group{Source: "s", Format: "json", Epoch: queue.Epoch{1}, Records: []queue.Record{
		{Seq: w.seq, Received: int64(w.seq), Raw: []byte(`{"source.ip":"` + addr + `"}`)},
	}}
	if _, err := w.queue.Append(w.t.Context(), []queue.Group{g}); err != nil {
		w.t.Fatal(err)
	}
}

// run stores what is queued.
func (w *world) run() {
	w.t.Helper()
	line, err := pipeline.New(pipeline.Config{}, pipeline.Options{
		Queue: w.queue, Store: w.store, Log: slog.New(slog.DiscardHandler), Now: time.Now, Enrichments: w.keeper,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, end := w.queue.Bounds()
	if err := line.RunTo(w.t.Context(), end); err != nil {
		w.t.Fatal(err)
	}
}

// countries are those of the stored events, in the order of the queue.
func (w *world) countries() string {
	w.t.Helper()
	q, err := query.Parse("* | sort event.ingested", time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	if _, err := w.store.Search(w.t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		all = append(all, "-"+e.Get(event.SourceCountry).String())
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func countryFile(code string) []byte {
	return enrichtest.MMDB("test", map[string]enrichtest.Record{"81.2.0.0/16": enrichtest.Country(code, "Land")})
}

// TestReplayEnrichesAsBefore: records are enriched with the data that was in use
// when they came, also in a replay with other data in use.
func TestReplayEnrichesAsBefore(t *testing.T) {
	w := newWorld(t, Config{})
	w.refresh()
	if first, next := w.queue.Bounds(); first != next {
		t.Error("no data is announced")
	}
	w.put(cityAddr)
	for _, code := range []string{"FR", "DE"} {
		w.write("geoip/a.mmdb", countryFile(code))
		w.refresh()
		w.put(cityAddr)
	}
	w.refresh() // nothing changes
	w.put(cityAddr)
	if err := os.Remove(w.dir + "/geoip/a.mmdb"); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	w.put(cityAddr)
	w.run()
	const want = "- -FR -DE -DE -"
	if got := w.countries(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.close()
	w.open(Config{})
	// Without the first control record the data of before it is not known: that of
	// now stands in. All that comes after is as it was.
	if _, err := pipeline.Rewind(t.Context(), w.queue, w.store, 1); err != nil {
		t.Fatal(err)
	}
	if got := w.countries(); got != "" {
		t.Fatalf("%s is left", got)
	}
	w.run()
	if got := w.countries(); got != want {
		t.Errorf("replayed %s, want %s", got, want)
	}
}

// TestBrokenFileKeepsTheCopy: a file that cannot be used leaves the copy of it in
// use, whatever else changes, also over a restart.
func TestBrokenFileKeepsTheCopy(t *testing.T) {
	w := newWorld(t, Config{Assets: []string{"a.csv"}})
	table := w.write("a.csv", []byte("ip,labels.owner\n10.0.0.0/8,it\n"))
	w.keeper.Configure(Config{Assets: []string{table}})
	file := w.write("geoip/a.mmdb", countryFile("FR"))
	good := w.refresh()
	if len(good.Problems) != 0 || len(good.Files) != 2 || good.Assets() != 1 {
		t.Fatalf("%+v", good)
	}
	w.write("geoip/a.mmdb", countryFile("FR")[:200])
	w.write("a.csv", []byte("ip,labels.owner\n10.0.0.0/8,net\n10.0.0/8,x\n"))
	s := w.refresh()
	if s.Fingerprint != good.Fingerprint || len(s.Problems) != 2 {
		t.Fatalf("%v, %v", s.Fingerprint, s.Problems)
	}
	want := "assets " + table + `: read assets a.csv line 3: "10.0.0/8" is neither an address nor a prefix such as 10.1.0.0/16; the copy in use stays`
	if s.Problems[1].Error() != want || !strings.HasPrefix(s.Problems[0].Error(), "geoip "+file+": ") {
		t.Errorf("%v", s.Problems)
	}
	w.close()
	w.open(Config{Assets: []string{table}})
	if s := w.refresh(); s.Fingerprint != good.Fingerprint || len(s.Problems) != 2 {
		t.Errorf("after a restart %v, %v", s.Fingerprint, s.Problems)
	}
	w.put(cityAddr)
	w.run()
	if got := w.countries(); got != "-FR" {
		t.Errorf("countries %s", got)
	}
	w.write("a.csv", []byte("ip,labels.owner\n10.0.0.0/8,net\n"))
	if s := w.refresh(); s.Fingerprint == good.Fingerprint || len(s.Problems) != 1 {
		t.Errorf("%v", s.Problems)
	}
}

// TestOldSetsArePruned: only the newest sets are kept, with their files, and for
// a while all others.
func TestOldSetsArePruned(t *testing.T) {
	w := newWorld(t, Config{})
	w.keeper.Now = func() time.Time { return time.Now().Add(time.Hour) }
	for _, code := range []string{"AA", "BB", "CC", "DD", "EE", "FF", "GG"} {
		w.write("geoip/a.mmdb", countryFile(code))
		w.refresh()
	}
	entries, err := os.ReadDir(w.dir + "/enrich")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range entries {
		count[filepath.Ext(e.Name())]++
	}
	if diff := cmp.Diff(map[string]int{"": 1, ".json": keptSets, ".mmdb": keptSets}, count); diff != "" {
		t.Error(diff)
	}
	if _, err := w.keeper.kept.load(w.keeper.Current()); err != nil {
		t.Error(err)
	}
}

// TestAudit: data is not put in use where that cannot be written down.
func TestAudit(t *testing.T) {
	w := newWorld(t, Config{})
	var told []string
	refuse := errors.New("audit")
	w.keeper.Audit = func(name string) error {
		told = append(told, name)
		return refuse
	}
	w.write("geoip/a.mmdb", countryFile("FR"))
	if _, err := w.keeper.Refresh(t.Context()); !errors.Is(err, refuse) || w.keeper.Current() != "" {
		t.Errorf("%v, in use %q", err, w.keeper.Current())
	}
	refuse = nil
	if s := w.refresh(); len(told) != 2 || told[1] != s.Fingerprint || w.keeper.Current() != s.Fingerprint {
		t.Errorf("told %v", told)
	}
}

// TestDamagedCopy: a copy that is not what its name says is not used, and the
// data of now stands in.
func TestDamagedCopy(t *testing.T) {
	w := newWorld(t, Config{})
	w.write("geoip/a.mmdb", countryFile("FR"))
	s := w.refresh()
	copied := filepath.Join(w.dir, "enrich", s.Files[0].Copy)
	if err := os.WriteFile(copied, countryFile("DE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.keeper.kept.load(s.Fingerprint); err == nil || !strings.Contains(err.Error(), "the copy is damaged") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"x", "../../etc/passwd", strings.Repeat("0", 32)} {
		if _, err := w.keeper.Enricher(name); err == nil {
			t.Errorf("%s is enriched with", name)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.mmdb")
	if err := os.WriteFile(good, countryFile("FR"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.mmdb")
	if err := os.WriteFile(other, enrichtest.MMDB("names", map[string]enrichtest.Record{"1.0.0.0/8": {"what": "else"}}), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(c Config, want ...string) {
		t.Helper()
		err := Check(c, "")
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "DIR")
		}
		if diff := cmp.Diff(strings.Join(want, "\n"), got); diff != "" {
			t.Error(diff)
		}
	}
	f(Config{GeoIP: []string{good}})
	f(Config{GeoIP: []string{other}, Assets: []string{dir + "/no.csv"}},
		"enrich.geoip: DIR/other.mmdb: verify mmdb: it has neither countries, places nor autonomous systems",
		"enrich.assets: DIR/no.csv: open DIR/no.csv: no such file or directory")
	f(Config{Poll: -1}, "enrich.poll: want a positive duration")
}

func FuzzGeoIP(f *testing.F) {
	f.Add(cityFile())
	f.Add(networkFile()[:300])
	path := filepath.Join(f.TempDir(), "f.mmdb")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := CheckGeoIP(path)
		if err == nil && !info.Geo && !info.Network {
			t.Error("a file of nothing is taken")
		}
	})
}
