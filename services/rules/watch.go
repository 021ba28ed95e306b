package rules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/services/queue"
)

// Watch puts the rules of now in use, and again whenever their files change,
// until ctx ends. What cannot be used is logged once and leaves the rules in use
// as they are; while the queue is full it is tried again.
func (k *Keeper) Watch(ctx context.Context) error {
	tick := time.NewTicker(k.settings().Poll)
	defer tick.Stop()
	var seen uint64
	var said string
	for {
		if now := k.stamp(); now != seen {
			s, err := k.Refresh(ctx)
			switch {
			case err == nil:
				seen, said = now, ""
				k.Report(s)
			case ctx.Err() != nil:
				return nil
			default:
				if !errors.Is(err, queue.ErrFull) {
					seen = now
				}
				if said != err.Error() {
					said = err.Error()
					k.Log.Error("change rules, those in use stay", slog.Any("error", err))
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Report logs which rules are in use and which cannot be.
func (k *Keeper) Report(s *Set) {
	for _, e := range s.Rejected {
		k.Log.Warn("rule rejected", slog.String("error", e.Error()))
	}
	for _, name := range s.Unknown {
		k.Log.Warn("overlay names a rule that is not there", slog.String("rule", name))
	}
	n, correlations := s.Rules()
	k.Log.Info("rules in use", slog.String("fingerprint", s.Fingerprint), slog.Int("rules", n),
		slog.Int("correlations", correlations), slog.Int("rejected", len(s.Rejected)))
}

// stamp changes when a file of the rules is made, changed or removed.
func (k *Keeper) stamp() uint64 {
	h := xxhash.New()
	look := func(path string, info fs.FileInfo) {
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00", path, info.Size(), info.ModTime().UnixNano())
	}
	config := k.settings()
	for _, dir := range config.Dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && path != dir && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			if info, err := d.Info(); err == nil && !d.IsDir() {
				look(path, info)
			}
			return nil
		})
	}
	for _, path := range append([]string{config.Overlay}, config.Pipelines...) {
		if info, err := os.Stat(path); path != "" && err == nil {
			look(path, info)
		}
	}
	return h.Sum64()
}
