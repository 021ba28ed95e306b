package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// local reads a data folder, or archives.
func (f *queryFlags) local(cmd *cobra.Command, q *query.Query) error {
	r, err := readRange(f.from, f.to)
	if err != nil {
		return err
	}
	s, closeSource, err := f.openLocalSource(cmd)
	if err != nil {
		return err
	}
	defer closeSource()
	if q.IsAggregation() {
		res, stats, err := s.Aggregate(cmd.Context(), store.AggregateRequest{Query: q, From: r.from, To: r.to})
		if err != nil {
			return err
		}
		statsOf(stats).warn(cmd)
		sayIfNone(cmd, len(res.Rows))
		if err := writeTable(cmd.OutOrStdout(), f.output, res); err != nil {
			return err
		}
		return statsOf(stats).whole()
	}
	out, limit, err := f.events(cmd, q)
	if err != nil {
		return err
	}
	n := 0
	enough := errors.New("enough")
	page, err := s.Search(cmd.Context(), store.SearchRequest{Query: q, From: r.from, To: r.to}, func(e *event.Event) error {
		if n == limit {
			return enough
		}
		n++
		return out.Write(e)
	})
	more := errors.Is(err, enough)
	if err != nil && !more {
		return err
	}
	statsOf(page.Stats).warn(cmd)
	if err := f.done(cmd, out, n, limit, more); err != nil {
		return err
	}
	return statsOf(page.Stats).whole()
}

// onStore calls f with the store of the data folder.
func (f *queryFlags) onStore(cmd *cobra.Command, do func(ctx context.Context, s *store.Columnar, r timeRange) error) error {
	r, err := readRange(f.from, f.to)
	if err != nil {
		return err
	}
	s, err := f.openLocal(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	return do(cmd.Context(), s, r)
}

// openLocal opens the store of a data folder for reading, with what the queue
// holds beyond it.
func (f *queryFlags) openLocal(cmd *cobra.Command) (*store.Columnar, error) {
	settings, err := loadSettings(f.config, f.data)
	if err != nil {
		return nil, err
	}
	if !isDir(filepath.Join(f.data, "store")) {
		return nil, usagef("--data: %s is no data folder of a server: it has no folder store", f.data)
	}
	if err := settings.openKeys(); err != nil {
		return nil, usageError{err}
	}
	s, err := store.OpenReadOnly(filepath.Join(f.data, "store"), settings.Store)
	if err != nil {
		return nil, usageError{err}
	}
	err = overlay(cmd.Context(), s, settings)
	if errors.Is(err, store.ErrOverlayFull) {
		fmt.Fprintln(cmd.ErrOrStderr(), "the answer is not whole: the newest records of the queue are too many to be read beside the server; ask it with --server")
		err = nil
	}
	if err != nil {
		_ = s.Close() // only read
		return nil, err
	}
	return s, nil
}

// overlay lays over a store the events of the records that it does not hold yet.
func overlay(ctx context.Context, s *store.Columnar, settings settings) error {
	q, err := queue.OpenSnapshot(filepath.Join(settings.Data, "queue"), settings.Queue.Keys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	data, err := settings.enrichments()
	if err != nil {
		return err
	}
	_, end := q.Bounds()
	_, err = pipeline.Read(ctx, settings.Pipeline, data, q, queue.Offset(s.Applied()), end, s.Overlay)
	return err
}
