package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/archive"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// local is what answers queries without a server: a store, or archives.
type local interface {
	Search(ctx context.Context, r store.SearchRequest, yield func(*event.Event) error) (store.Page, error)
	Aggregate(ctx context.Context, r store.AggregateRequest) (*query.Table, store.Stats, error)
}

// openArchives opens a folder of archives; the keys of encrypted ones are those
// of --data, else of the data folder that the configuration names.
func (f *queryFlags) openArchives() (local, error) {
	s, err := loadSettings(f.config, f.data)
	if err != nil {
		return nil, err
	}
	if err := s.openKeys(); err != nil {
		return nil, usageError{err}
	}
	r, err := archive.OpenReader(f.archive, s.Store.Keys, s.Store.QueryBytes)
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// openLocalSource opens what --archive or --data names.
func (f *queryFlags) openLocalSource(cmd *cobra.Command) (local, func(), error) {
	if f.archive != "" {
		r, err := f.openArchives()
		return r, func() {}, err
	}
	s, err := f.openLocal(cmd)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { _ = s.Close() }, nil // only read
}

// archives is the folder of the archives.
func (s *settings) archives() string {
	if s.Archive.Dir != "" {
		return s.Archive.Dir
	}
	return filepath.Join(s.Data, archiveFolder)
}

// archiver archives what retention deletes, nil if nothing is to be archived.
func (v *server) archiver() func(context.Context, store.Retired) error {
	s := &v.settings
	if s.Archive.Dir == "" {
		return nil
	}
	r := archive.Retirer{Dir: s.Archive.Dir, Encrypt: s.Encryption.Enabled, Keys: s.Store.Keys, Log: v.log, Now: time.Now}
	v.archives = archive.NewWatch(r.Archive, time.Now, v.metrics)
	return v.archives.Archive
}
