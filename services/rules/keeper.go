// Package rules keeps the rules that detection uses: it reads them from the
// pack, from folders and from an overlay, compiles them, and changes them in a
// running server without a gap, by a control record in the queue. Each bundle of
// rules that was in use is kept under its fingerprint, so that a replay judges
// old records as they were judged, or with the rules of now.
package rules

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Config says which rules are used. Changes of the files are seen by themselves.
type Config struct {
	Pack      bool          `help:"use the rules that come with Gatewatch"`
	Dirs      []string      `help:"folders of further Sigma rules, such as a clone of SigmaHQ"`
	Overlay   string        `help:"file that disables or silences rules, changes their levels or adds filters"`
	Pipelines []string      `help:"processing pipelines (pySigma's format) for the rules of dirs, after the built-in ones"`
	Poll      time.Duration `help:"how often the files are looked at"`

	CorrelationMemory   int64         `help:"bytes that the groups of correlations may take"`
	CorrelationLateness time.Duration `help:"how late an event may come and still count in a correlation"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	if c.Poll == 0 {
		c.Poll = 5 * time.Second
	}
	if c.CorrelationMemory == 0 {
		c.CorrelationMemory = 256 << 20
	}
	if c.CorrelationLateness == 0 {
		c.CorrelationLateness = 5 * time.Minute
	}
	return c
}

// Options are the parts that a keeper is wired to.
type Options struct {
	Dir   string // of the bundles and of the key of correlations
	Pack  fs.FS  // the rules that come with Gatewatch
	Queue queue.Queue
	Log   *slog.Logger
	Now   func() time.Time

	Metrics prometheus.Registerer // may be nil
	// Audit is told of a fingerprint before its rules are put in use; its error
	// keeps them from it. It may be nil.
	Audit func(fingerprint string) error
}

// Keeper keeps the rules. Its methods may be called concurrently, Watch once.
type Keeper struct {
	Options
	key       [16]byte
	archives  archives
	metrics   *metrics
	announcer *pipeline.Announcer

	mu     sync.Mutex
	config Config
	sets   []*Set         // compiled lately, the newest last
	live   *detector      // made last: the pipeline uses it
	unread []*sigma.Error // files that could not be read when the others were put in use
	fault  *sigma.Error   // why the rules of now are not in use; nil where they are
}

const (
	currentName = "current"
	keyName     = "key"
	keptSets    = 2
	keptBundles = 50
	keptAge     = 10 * time.Minute // of bundles beyond those, much longer than state of detection waits to be saved
)

// Open reads what was in use. [Keeper.Refresh] puts the rules of now in use.
func Open(cfg Config, o Options) (*Keeper, error) {
	k := &Keeper{Options: o, config: cfg.WithDefaults(), archives: archives(o.Dir), metrics: newMetrics(o.Metrics)}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open rules: %w", err)
	}
	var err error
	k.announcer, err = pipeline.OpenAnnouncer(filepath.Join(o.Dir, currentName), o.Queue, o.Now, func(version string) pipeline.Control {
		return pipeline.Control{Ruleset: version}
	})
	if err != nil {
		return nil, fmt.Errorf("open rules: %w", err)
	}
	return k, k.openKey()
}

// openKey reads the key of the hashes of correlations, or makes it: the saved
// state of correlations is of use only under the same key.
func (k *Keeper) openKey() error {
	path := filepath.Join(k.Dir, keyName)
	text, err := os.ReadFile(path)
	if err == nil && len(text) == len(k.key) {
		copy(k.key[:], text)
		return nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open rules: %w", err)
	}
	if _, err := rand.Read(k.key[:]); err != nil {
		return fmt.Errorf("make key of correlations: %w", err)
	}
	return durable.WriteFile(path, k.key[:], 0o600)
}

// Configure changes which rules are used; [Keeper.Refresh] puts them in use. The
// bounds of correlations and how often files are looked at stay.
func (k *Keeper) Configure(cfg Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.config.Pack, k.config.Dirs, k.config.Overlay, k.config.Pipelines = cfg.Pack, cfg.Dirs, cfg.Overlay, cfg.Pipelines
}

// settings returns the configuration of now.
func (k *Keeper) settings() Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.config
}

// Current implements [pipeline.Detectors].
func (k *Keeper) Current() string { return k.announcer.Current() }

// Detector implements [pipeline.Detectors].
func (k *Keeper) Detector(fingerprint string) (detection.Detector, error) {
	s, err := k.set(fingerprint)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.live = newDetector(s, sigma.CorrelatorConfig{
		Lateness: k.config.CorrelationLateness, MaxBytes: k.config.CorrelationMemory, Key: k.key,
	}, k.metrics)
	k.metrics.keep(s)
	return k.live, nil
}

// InUse returns the rules that are used on new records. Its first warning says why
// they are not those of now, if so.
func (k *Keeper) InUse() (*Set, error) {
	s, err := k.set(k.Current())
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var warnings []*sigma.Error
	if k.fault != nil {
		warnings = append(warnings, k.fault)
	}
	return s.with(k.unread, warnings), nil
}

// set returns the compiled rules of a fingerprint.
func (k *Keeper) set(fingerprint string) (*Set, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sets {
		if s.Fingerprint == fingerprint {
			return s, nil
		}
	}
	b, err := k.archives.load(fingerprint)
	if err != nil {
		return nil, err
	}
	s, err := b.compile()
	if err != nil {
		return nil, err
	}
	k.remember(s)
	return s, nil
}

func (k *Keeper) remember(s *Set) {
	k.sets = append(k.sets, s)
	if len(k.sets) > keptSets {
		k.sets = append(k.sets[:0], k.sets[1:]...)
	}
}

// Refresh reads the rules and, if they are others than those in use, puts them
// in use from the next record on. On an error those in use stay.
func (k *Keeper) Refresh(ctx context.Context) (*Set, error) {
	s, err := k.refresh(ctx)
	k.tell(s, err)
	return s, err
}

func (k *Keeper) refresh(ctx context.Context) (*Set, error) {
	b, err := k.collect()
	if err != nil {
		return nil, &sourceError{err}
	}
	fingerprint := b.fingerprint()
	if k.announcer.Settled(fingerprint) {
		if s, err := k.set(fingerprint); err == nil {
			return s.with(b.unread, nil), nil
		}
	}
	s, err := b.compile()
	if err != nil {
		return nil, &sourceError{err}
	}
	return s.with(b.unread, nil), k.install(ctx, b, s)
}

// install makes a bundle durable, then says so in the queue.
func (k *Keeper) install(ctx context.Context, b *bundle, s *Set) error {
	text, err := b.archive()
	if err != nil {
		return fmt.Errorf("save rules: %w", err)
	}
	if err := durable.WriteFile(k.archives.path(s.Fingerprint), text, 0o600); err != nil {
		return fmt.Errorf("save rules: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remember(s)
	if k.announcer.Settled(s.Fingerprint) {
		return nil // only their bundle was lost
	}
	if k.Audit != nil {
		if err := k.Audit(s.Fingerprint); err != nil {
			return fmt.Errorf("change rules: %w", err)
		}
	}
	if err := k.announcer.Announce(ctx, s.Fingerprint); err != nil {
		return err
	}
	return k.archives.prune(keptBundles, k.Now().Add(-keptAge))
}

// collect reads all that decides what is found.
func (k *Keeper) collect() (*bundle, error) {
	b, config, m := new(bundle), k.settings(), newManifest()
	if config.Pack {
		if err := b.addFolder(k.Pack, packFolder); err != nil {
			return nil, fmt.Errorf("read rules of the pack: %w", err)
		}
	}
	for i, dir := range config.Dirs {
		if err := m.addFolder(b, dir, fmt.Sprintf("%s/%d", dirFolder, i)); err != nil {
			return nil, fmt.Errorf("rules.dirs: read %s: %w", absolute(dir), reasonOf(err))
		}
	}
	for i, name := range config.Pipelines {
		if err := m.addFile(b, name, fmt.Sprintf("%s/%d.yml", pipelineFolder, i)); err != nil {
			return nil, fmt.Errorf("rules.pipelines: read %s: %w", absolute(name), reasonOf(err))
		}
	}
	if config.Overlay != "" {
		if err := m.addFile(b, config.Overlay, overlayName); err != nil {
			return nil, fmt.Errorf("rules.overlay: read %s: %w", absolute(config.Overlay), reasonOf(err))
		}
	}
	if err := m.addTo(b); err != nil {
		return nil, err
	}
	b.sort()
	return b, nil
}
