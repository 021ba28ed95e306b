package enrich

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Watch puts the data of now in use whenever its files change, until ctx ends.
// What cannot be used is logged once and tried again when the files change, or
// at growing intervals.
func (k *Keeper) Watch(ctx context.Context) error {
	tick := time.NewTicker(k.settings().Poll)
	defer tick.Stop()
	var seen uint64
	wait, skip := 0, 0 // looks to leave out after a failure
	for {
		if now := k.stamp(); now != seen && skip == 0 {
			s, err := k.Refresh(ctx)
			switch {
			case err == nil:
				seen, wait = now, 0
				k.Report(s)
			case ctx.Err() != nil:
				return nil
			default:
				wait = min(2*wait+1, 60)
				skip = wait
				k.Log.Error("change enrichment data, what is in use stays", slog.Any("error", err))
			}
		}
		skip = max(0, skip-1)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Report logs which data is in use and which files cannot be used.
func (k *Keeper) Report(s *Set) {
	for _, err := range s.Problems {
		k.Log.Error("enrichment data refused", slog.Any("error", err))
	}
	if s.Fingerprint != noData {
		k.Log.Info("enrichment data in use", slog.String("fingerprint", s.Fingerprint),
			slog.Int("files", len(s.Files)), slog.Int("assets", s.Assets()))
	}
}

// stamp changes when a file is made, changed or removed.
func (k *Keeper) stamp() uint64 {
	h := xxhash.New()
	for _, f := range k.paths() {
		info, err := os.Stat(f.Path)
		if err != nil {
			fmt.Fprintf(h, "%s\x00%v\x00", f.Path, err)
			continue
		}
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00", f.Path, info.Size(), info.ModTime().UnixNano())
	}
	return h.Sum64()
}
