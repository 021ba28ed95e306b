package main

import (
	"log/slog"
	"path/filepath"
	"time"

	"github.com/gatewatch/gatewatch/services/enrich"
)

// Folders of the data folder: of the mmdb files that are used without further
// configuration, and of the copies of all data that was in use.
const (
	geoFolder    = "geoip"
	enrichFolder = "enrich"
)

// openEnrich opens the data that events are enriched with.
func (v *server) openEnrich() (err error) {
	dir := v.settings.Data
	v.enrich, err = enrich.Open(v.settings.Enrich, enrich.Options{
		Dir: filepath.Join(dir, enrichFolder), GeoDir: filepath.Join(dir, geoFolder),
		Queue: v.queue, Log: v.log, Now: time.Now, Metrics: v.metrics,
	})
	return err
}

// enrichments opens the data that the server of a data folder enriches events
// with, for reading.
func (s *settings) enrichments() (*enrich.Keeper, error) {
	return enrich.Open(s.Enrich, enrich.Options{
		Dir: filepath.Join(s.Data, enrichFolder), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}
