package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/queue"
)

// json64 is a 64-bit number that JSON may hold as text.
type json64 uint64

func (n *json64) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(b), `"`), 10, 64)
	*n = json64(v)
	return err
}

// addConfig adds the flag that names the configuration of the server whose data
// folder is used.
func addConfig(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "configuration file of the server, for --data: it says how records are read")
}

// loadSettings loads the configuration of the server of a data folder.
func loadSettings(file, data string) (settings, error) {
	return (&settingsFlags{file: file, set: map[string]string{"data": data}}).load()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

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
