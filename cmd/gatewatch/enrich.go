package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
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
		Audit: v.auditEnrichment,
	})
	return err
}

// auditEnrichment writes a leaf for data that events are enriched with from here on.
func (v *server) auditEnrichment(fingerprint string) error {
	_, err := v.audit.Append(context.Background(), audit.Leaf{Actor: audit.Server, Act: audit.ActEnrich, Object: fingerprint})
	return err
}

// enrichments opens the data that the server of a data folder enriches events
// with, for reading.
func (s *settings) enrichments() (*enrich.Keeper, error) {
	return enrich.Open(s.Enrich, enrich.Options{
		Dir: filepath.Join(s.Data, enrichFolder), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}
