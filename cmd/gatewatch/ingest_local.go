package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/queue"
)

// localTarget stores records in a data folder that no server runs on.
type localTarget struct{ *server }

// openLocal opens the parts of a server without its listeners.
func openLocal(cmd *cobra.Command, config, data string) (*localTarget, error) {
	s, err := loadSettings(config, data)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, usageError{err}
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	run, cancel := context.WithCancel(context.WithoutCancel(cmd.Context()))
	v := newServer(s, log, cancel)
	err = v.openStore()
	if err == nil {
		v.sink, err = ingest.Open(cmd.Context(), filepath.Join(data, "ingest"), v.queue, s.Ingest, log, v.metrics)
	}
	if err == nil {
		err = v.openPipeline(run)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w (is a server running on it?)", data, err), v.stop())
	}
	return &localTarget{v}, nil
}

func (t *localTarget) position(_ context.Context, g *queue.Group) (uint64, error) {
	return t.sink.Position(g.Source, g.Epoch), nil
}

func (t *localTarget) put(ctx context.Context, g *queue.Group) (uint64, error) {
	now := time.Now().UnixNano()
	for i := range g.Records {
		g.Records[i].Received = now
	}
	n := uint64(len(g.Records))
	for _, err := range t.sink.PutAt(ctx, *g) {
		switch {
		case err == nil:
		case errors.Is(err, ingest.ErrDuplicate):
			n--
		case errors.Is(err, queue.ErrFull), errors.Is(err, ingest.ErrBusy):
			return 0, fmt.Errorf("%w: %w", errUnavailable, err)
		default:
			return 0, err
		}
	}
	return n, nil
}

// close waits until everything can be found.
func (t *localTarget) close(ctx context.Context) error {
	_, next := t.queue.Bounds()
	err := t.pipeline.Wait(ctx, next)
	return errors.Join(err, t.stop())
}
