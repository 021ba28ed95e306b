package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/store"
)

func newStoreCompact() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "compact [--data DIR]",
		Short: "Merge small segments of a stopped server",
		Long: `Merges small segments as far as store.segment_bytes and the retention of their
streams allow, which a running server does only where it is worth its while. The
server must be stopped; give the configuration that it runs with. Nothing is
deleted, and a kill at any moment leaves the store whole.`,
		Example: `  gatewatch store compact --data /var/lib/gatewatch --config /etc/gatewatch/gatewatch.yaml`,
		Args:    noArgs,
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runStoreCompact(cmd, &f) }
	return cmd
}

func runStoreCompact(cmd *cobra.Command, f *storeFlags) (err error) {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	s, err := f.settings()
	if err != nil {
		return err
	}
	v := newServer(s, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})), func() {})
	defer func() { err = errors.Join(err, v.stop()) }()
	if err := v.auditOffline(cmd.Context(), f.folder()); err != nil {
		return err
	}
	if _, err := v.audit.Append(cmd.Context(), audit.Leaf{Actor: localUser(), Act: audit.ActCompact}); err != nil {
		return err
	}
	s.Store.Audit = v.auditSegments
	clear := func() {}
	c, err := store.Compact(cmd.Context(), f.folder(), s.Store, func(c store.Compacted) {
		clear = progressBar(cmd, fmt.Sprintf("%s became %d", count(c.SegmentsBefore, "segment"), c.SegmentsAfter))
	})
	clear()
	if err != nil {
		return err
	}
	if !table {
		return printJSON(cmd.OutOrStdout(), map[string]int64{
			"segments_before": int64(c.SegmentsBefore), "segments": int64(c.SegmentsAfter),
			"bytes_before": c.BytesBefore, "bytes": c.BytesAfter,
		})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s of %s became %s of %s\n", count(c.SegmentsBefore, "segment"), size(c.BytesBefore),
		count(c.SegmentsAfter, "segment"), size(c.BytesAfter))
	return err
}

// auditOffline opens the audit log for changes of the store of a stopped server.
func (v *server) auditOffline(ctx context.Context, folder string) error {
	lock, err := store.Lock(folder)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := v.openAudit(); err != nil {
		return err
	}
	names, err := store.SegmentNames(folder)
	if err != nil {
		return err
	}
	return v.sealer.Settle(ctx, names)
}
