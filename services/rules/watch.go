package rules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Watch puts the rules of now in use, and again whenever their files change,
// until ctx ends. What cannot be used is logged once, leaves the rules in use as
// they are, and is tried again at once when the files change, else at growing
// intervals.
func (k *Keeper) Watch(ctx context.Context) error {
	tick := time.NewTicker(k.settings().Poll)
	defer tick.Stop()
	var used, tried uint64 // stamps of files
	var said string
	wait, skip := 0, 0 // looks to leave out after a failure
	for {
		now := k.stamp()
		if now != tried {
			wait, skip, said = 0, 0, ""
		}
		if now != used && skip == 0 {
			tried = now
			s, err := k.Refresh(ctx)
			switch {
			case err == nil:
				used = now
				k.Report(s)
			case ctx.Err() != nil:
				return nil
			default:
				wait = min(2*wait+1, 60)
				skip = wait
				if said != err.Error() {
					said = err.Error()
					k.Log.Error("change rules, those in use stay", slog.Any("error", err))
				}
			}
		}
		skip = max(0, skip-1)
		k.count()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// count brings the metrics of what is found up to date: where few events come,
// detection itself seldom does.
func (k *Keeper) count() {
	k.mu.Lock()
	d := k.live
	k.mu.Unlock()
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell()
}

// Report logs which rules are in use and which cannot be.
func (k *Keeper) Report(s *Set) {
	for _, e := range s.Rejected {
		k.Log.Warn("rule rejected", slog.String("error", e.Error()))
	}
	for _, w := range s.Warnings {
		k.Log.Warn("rule may not do what is meant", slog.String("warning", w.Error()))
	}
	n, correlations := s.Rules()
	k.Log.Info("rules in use", slog.String("fingerprint", s.Fingerprint), slog.Int("rules", n),
		slog.Int("correlations", correlations), slog.Int("rejected", len(s.Rejected)), slog.Int("warnings", len(s.Warnings)))
}

// stamp changes when a file of the rules is made, changed or removed, or may be
// read where it could not.
func (k *Keeper) stamp() uint64 {
	h := xxhash.New()
	look := func(path string, info fs.FileInfo, err error) {
		if err != nil {
			fmt.Fprintf(h, "%s\x00%v\x00", path, err)
			return
		}
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00%o\x00", path, info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	config := k.settings()
	for _, dir := range config.Dirs {
		fsys := os.DirFS(dir) // looks behind links, as reading does
		err := eachRuleFile(fsys, func(name string, err error) error {
			info, statErr := fs.Stat(fsys, name)
			look(name, info, errors.Join(err, statErr))
			return nil
		})
		fmt.Fprintf(h, "%s\x00%v\x00", dir, err)
	}
	for _, path := range append([]string{config.Overlay}, config.Pipelines...) {
		if path != "" {
			info, err := os.Stat(path)
			look(path, info, err)
		}
	}
	return h.Sum64()
}
