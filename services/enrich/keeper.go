package enrich

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Options are the parts that a keeper is wired to.
type Options struct {
	Dir    string      // of the copies of the data that was in use
	GeoDir string      // whose mmdb files are used if the configuration names none
	Queue  queue.Queue // nil where nothing can be put in use
	Log    *slog.Logger
	Now    func() time.Time

	Metrics prometheus.Registerer // may be nil
	// Audit is told of a fingerprint before its data is put in use; its error keeps
	// the data from it. It may be nil.
	Audit func(fingerprint string) error
}

// Keeper keeps the data that events are enriched with and changes it in a
// running server. Its methods may be called concurrently, Watch once.
type Keeper struct {
	Options
	kept      kept
	metrics   *metrics
	announcer *pipeline.Announcer
	agents    atomic.Bool

	refreshing sync.Mutex

	mu     sync.Mutex
	config Config
	sets   []*Set // opened lately, the newest last
}

const (
	currentName = "current"
	openSets    = 2
	keptSets    = 4
	keptAge     = 10 * time.Minute // of sets beyond those, much longer than state of detection waits to be saved
)

// Open reads what was in use. [Keeper.Refresh] puts the data of now in use.
func Open(cfg Config, o Options) (*Keeper, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	k := &Keeper{Options: o, config: cfg.WithDefaults(), kept: kept(o.Dir), metrics: newMetrics(o.Metrics)}
	k.agents.Store(cfg.UserAgent)
	var err error
	k.announcer, err = pipeline.OpenAnnouncer(k.kept.path(currentName), o.Queue, o.Now, func(version string) pipeline.Control {
		return pipeline.Control{Enrichment: version}
	})
	return k, err
}

// Configure changes what events are enriched with; [Keeper.Refresh] puts it in
// use. How often files are looked at stays.
func (k *Keeper) Configure(cfg Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg.Poll = k.config.Poll
	k.config = cfg
	k.agents.Store(cfg.UserAgent)
}

func (k *Keeper) settings() Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.config
}

// Current implements [pipeline.Enrichments].
func (k *Keeper) Current() string { return k.announcer.Current() }

// Enricher implements [pipeline.Enrichments].
func (k *Keeper) Enricher(name string) (pipeline.Enricher, error) {
	s, err := k.set(name)
	if err != nil {
		return nil, err
	}
	return newEnricher(s, &k.agents, k.metrics), nil
}

// set returns the set of a fingerprint.
func (k *Keeper) set(name string) (*Set, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sets {
		if s.Fingerprint == name {
			return s, nil
		}
	}
	s, err := k.kept.load(name)
	if err != nil {
		return nil, err
	}
	k.remember(s)
	return s, nil
}

// remember keeps a set open. The caller holds mu.
func (k *Keeper) remember(s *Set) {
	k.sets = append(k.sets, s)
	if len(k.sets) > openSets {
		k.sets = slices.Delete(k.sets, 0, 1)
	}
}

// Refresh reads the files and, if they hold other data than that in use, puts it
// in use from the next record on. Of a file that cannot be used the copy in use
// stays, if there is one, and the set says so. On an error all that is in use
// stays.
func (k *Keeper) Refresh(ctx context.Context) (*Set, error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	s, changed, err := k.refresh(ctx)
	switch {
	case err != nil:
		k.metrics.refused.Inc()
	case changed:
		k.metrics.reloads.Inc()
	}
	if s != nil {
		k.metrics.refused.Add(float64(len(s.Problems)))
	}
	return s, err
}

func (k *Keeper) refresh(ctx context.Context) (s *Set, changed bool, err error) {
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("refresh enrichment data: %w", err)
	}
	files, problems := k.collect()
	name := fingerprint(files)
	fresh := k.Current() == "" && name == noData // nothing was ever in use
	if fresh || k.announcer.Settled(name) {
		if s, err := k.set(name); err == nil {
			return s.with(problems), false, nil
		}
	}
	s, err = k.kept.open(files)
	if err != nil {
		return nil, false, err
	}
	if err := k.kept.save(s); err != nil {
		return nil, false, err
	}
	k.mu.Lock()
	k.remember(s)
	k.mu.Unlock()
	if k.Audit != nil {
		if err := k.Audit(name); err != nil {
			return nil, false, fmt.Errorf("change enrichment data: %w", err)
		}
	}
	if err := k.announcer.Announce(ctx, name); err != nil {
		return nil, false, err
	}
	return s.with(problems), true, k.kept.prune(keptSets, k.Now().Add(-keptAge))
}

func (s *Set) with(problems []error) *Set {
	c := *s
	c.Problems = problems
	return &c
}

// collect copies the files of the configuration and returns those that are of
// use, and why others are not.
func (k *Keeper) collect() (files []File, problems []error) {
	inUse, err := k.set(k.Current())
	if err != nil {
		problems = append(problems, err)
		inUse = &Set{}
	}
	for _, c := range k.paths() {
		f, err := k.kept.take(c.Kind, c.Path)
		if err == nil {
			files = append(files, f)
			continue
		}
		i := slices.IndexFunc(inUse.Files, func(f File) bool { return f.Kind == c.Kind && f.Path == c.Path })
		what := "it is not used"
		if i >= 0 {
			what = "the copy in use stays"
			files = append(files, inUse.Files[i])
		}
		problems = append(problems, fmt.Errorf("%s %s: %w; %s", c.Kind, c.Path, err, what))
	}
	return files, problems
}

// paths are the files that the configuration names.
func (k *Keeper) paths() []File { return k.settings().paths(k.GeoDir) }

func (c Config) paths(geoDir string) []File {
	var all []File
	names := c.GeoIP
	if len(names) == 0 && geoDir != "" {
		names, _ = filepath.Glob(filepath.Join(geoDir, "*.mmdb")) // only the pattern can be wrong
	}
	for _, n := range names {
		all = append(all, File{Kind: kindGeoIP, Path: n})
	}
	for _, n := range c.Assets {
		all = append(all, File{Kind: kindAssets, Path: n})
	}
	return all
}

// OpenFiles makes an enricher of the files that a configuration names, as they
// are: they must not change while it is in use. Its error joins all mistakes.
func OpenFiles(c Config) (*Enricher, error) {
	s, err := c.open("")
	if err != nil {
		return nil, err
	}
	var agents atomic.Bool
	agents.Store(c.UserAgent)
	return newEnricher(s, &agents, newMetrics(nil)), nil
}

// Check reads all files that a configuration names and returns what is wrong
// with them. geoDir is as in [Options].
func Check(c Config, geoDir string) error {
	_, err := c.open(geoDir)
	return err
}

// open opens the files that a configuration names.
func (c Config) open(geoDir string) (*Set, error) {
	errs := []error{c.validate()}
	s := &Set{}
	for _, f := range c.paths(geoDir) {
		if err := s.addChecked(f); err != nil {
			errs = append(errs, fmt.Errorf("enrich.%s: %s: %w", f.Kind, f.Path, err))
		}
	}
	return s, errors.Join(errs...)
}

// addChecked adds a file itself, not a copy.
func (s *Set) addChecked(f File) error {
	if f.Kind == kindGeoIP {
		if _, err := CheckGeoIP(f.Path); err != nil {
			return err
		}
	}
	return s.add(f, f.Path)
}
