package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/archive"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// archiveFolder is where archives are in a data folder.
const archiveFolder = "archive"

func newStoreArchive() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Keep events in Parquet files, and search or restore them",
		Example: `  gatewatch store archive create --from 2026-11-01 --to 2026-12-01
  gatewatch store archive verify`,
	}
	cmd.AddCommand(newArchiveCreate(), newArchiveList(), newArchiveVerify(), newArchiveRestore())
	return cmd
}

// archiveFlags name a data folder and its archives.
type archiveFlags struct {
	dataFolder
	dir    string
	output archiveOutput
}

// bindOutput adds the flag that says how archives are printed.
func (f *archiveFlags) bindOutput(cmd *cobra.Command) { f.output.bind(cmd) }

// openExisting is open of a folder of archives that has to be there.
func (f *archiveFlags) openExisting(cmd *cobra.Command) (settings, error) {
	if err := f.output.check(cmd); err != nil {
		return settings{}, err
	}
	s, err := f.open()
	if err == nil && !isDir(f.dir) {
		err = usagef("there is no folder of archives %s; name another one with --dir", f.dir)
	}
	return s, err
}

func (f *archiveFlags) bind(cmd *cobra.Command) {
	f.dataFolder.bind(cmd)
	cmd.Flags().StringVar(&f.dir, "dir", "", "folder of the archives (default: archive.dir, else "+archiveFolder+" in the data folder)")
}

// open loads the settings of the server with its keys, and finds the archives.
func (f *archiveFlags) open() (settings, error) {
	s, err := f.load()
	if err != nil {
		return s, err
	}
	if f.dir == "" {
		f.dir = s.archives()
	}
	if err := s.openKeys(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

func newArchiveCreate() *cobra.Command {
	var f archiveFlags
	var from, to, stream string
	var plain bool
	cmd := &cobra.Command{
		Use:   "create [--data DIR] [--from T] [--to T] [--stream NAME]",
		Short: "Write the events of a range of time to Parquet files",
		Long: `Writes the events of a range of time, also beside a running server, as one
archive for each stream: Parquet files with zstd, a column for each common field,
that DuckDB, Spark and pandas read, and a manifest. An archive is read back before
it gets its name. The events stay in the store.

Archives are encrypted if encryption is enabled; --plain writes files that other
programs can read.`,
		Example: `  gatewatch store archive create --data /var/lib/gatewatch --from 2026-11-01 --to 2026-12-01
  gatewatch store archive create --stream mail --to now-30d --dir /mnt/nas/archive
  duckdb -c "from read_parquet('gatewatch-data/archive/*/*.parquet') select \"source.ip\", count(*) group by all"`,
		Args: noArgs,
	}
	f.bind(cmd)
	f.bindOutput(cmd)
	cmd.Flags().StringVar(&from, "from", "", "start of the time range, inclusive: RFC 3339, a date, or now-30d")
	cmd.Flags().StringVar(&to, "to", "", "end of the time range, exclusive (default: now)")
	cmd.Flags().StringVar(&stream, "stream", "", "stream to archive (default: all, each for itself)")
	cmd.Flags().BoolVar(&plain, "plain", false, "do not encrypt")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := archive.Options{Stream: stream, Now: time.Now()}
		var err error
		if o.From, err = bound("--from", from); err != nil {
			return err
		}
		if o.To, err = bound("--to", to); err != nil {
			return err
		}
		if o.To.IsZero() {
			o.To = o.Now
		}
		if !o.From.IsZero() && !o.From.Before(o.To) {
			return usagef("--from: %s is not before --to, %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
		}
		if err := f.output.check(cmd); err != nil {
			return err
		}
		return runArchiveCreate(cmd, &f, o, plain)
	}
	return cmd
}

func runArchiveCreate(cmd *cobra.Command, f *archiveFlags, o archive.Options, plain bool) error {
	settings, err := f.open()
	if err != nil {
		return err
	}
	s, err := (&queryFlags{data: f.data, config: f.config}).openLocal(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	o.Encrypt, o.Keys = settings.Encryption.Enabled && !plain, settings.Store.Keys
	streams := []string{o.Stream}
	if o.Stream == "" {
		if streams, err = streamsOf(cmd, s, o); err != nil {
			return err
		}
	}
	if len(streams) == 0 {
		return archive.ErrNoEvents
	}
	if err := auditAct(cmd, f.data, audit.ActArchive, f.dir, map[string]string{
		"streams": strings.Join(streams, " "), "from": leafTime(o.From), "to": leafTime(o.To), "encrypted": strconv.FormatBool(o.Encrypt),
	}); err != nil {
		return err
	}
	var errs []error
	for _, name := range streams {
		o.Stream, o.Name = name, archive.NameOf(name, o.From, o.To)
		m, err := archive.Create(cmd.Context(), f.dir, o, eventsOf(cmd, s, o))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.output.add(cmd, f.dir, m, "")
	}
	return errors.Join(append(errs, f.output.close(cmd))...)
}

// streamsOf returns the streams that have events of a range of time.
func streamsOf(cmd *cobra.Command, s *store.Columnar, o archive.Options) ([]string, error) {
	q, err := query.Parse("* | stats n = count() by gatewatch.stream", o.Now)
	if err != nil {
		return nil, err
	}
	t, stats, err := s.Aggregate(cmd.Context(), store.AggregateRequest{Query: q, From: o.From, To: o.To})
	if err != nil {
		return nil, err
	}
	if len(stats.Partial) > 0 {
		return nil, fmt.Errorf("list streams: %s", stats.Partial[0])
	}
	var all []string
	for _, row := range t.Rows {
		all = append(all, row[slices.Index(t.Columns, "gatewatch.stream")].String())
	}
	return all, nil
}

// eventsOf yields the events of a stream in a range of time. An answer that is
// not whole is an error: an archive says that it is.
func eventsOf(cmd *cobra.Command, s *store.Columnar, o archive.Options) func(func(*event.Event) error) error {
	return func(yield func(*event.Event) error) error {
		q, err := query.Parse(fmt.Sprintf("gatewatch.stream: %q", o.Stream), o.Now)
		if err != nil {
			return err
		}
		page, err := s.Search(cmd.Context(), store.SearchRequest{Query: q, From: o.From, To: o.To}, yield)
		if err == nil && len(page.Stats.Partial) > 0 {
			err = fmt.Errorf("read events: %s", page.Stats.Partial[0])
		}
		return err
	}
}

func archiveLine(dir string, m *archive.Manifest) string {
	return printable(fmt.Sprintf("%s: %s in %s, %s to %s", filepath.Join(dir, m.Name), count(m.Rows, "event"),
		count(m.Bytes, "byte"), m.First.Format(time.RFC3339), m.Last.Format(time.RFC3339)))
}

func newArchiveList() *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use:     "list [--data DIR | --dir DIR]",
		Short:   "List archives with their events and times",
		Example: "  gatewatch store archive list --dir /mnt/nas/archive",
		Args:    noArgs,
	}
	f.bind(cmd)
	f.bindOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := f.openExisting(cmd); err != nil {
			return err
		}
		all, problems, err := archive.List(f.dir)
		if err != nil {
			return err
		}
		for _, m := range all {
			f.output.add(cmd, f.dir, m, "")
		}
		return errors.Join(append(problems, f.output.close(cmd))...)
	}
	return cmd
}

func newArchiveVerify() *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use:   "verify [--data DIR | --dir DIR] [NAME...]",
		Short: "Read archives and compare them with their manifests",
		Long: `Reads each byte of the files, compares their SHA-256 with the manifest and reads
all events. The exit code is 1 if anything is not as it was.`,
		Example: "  gatewatch store archive verify --dir /mnt/nas/archive",
	}
	f.bind(cmd)
	f.bindOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		settings, err := f.openExisting(cmd)
		if err != nil {
			return err
		}
		all, errs, err := f.named(args)
		if err != nil {
			return err
		}
		for _, m := range all {
			wrong := m.Verify(cmd.Context(), settings.Store.Keys)
			switch {
			case len(wrong) == 0:
				f.output.add(cmd, f.dir, m, "ok")
			case f.output.flag != "": // text says what is wrong on standard error alone
				f.output.add(cmd, f.dir, m, "damaged")
			}
			errs = append(errs, wrong...)
		}
		return errors.Join(append(errs, f.output.close(cmd))...)
	}
	return cmd
}

// named opens the archives of that name, all if none is named.
func (f *archiveFlags) named(names []string) (all []*archive.Manifest, problems []error, err error) {
	if len(names) == 0 {
		return archive.List(f.dir)
	}
	for _, n := range names {
		m, err := archive.Open(f.dir, n)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, m)
	}
	return all, problems, nil
}

func newArchiveRestore() *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use:   "restore [--data DIR] [--dir DIR] NAME...",
		Short: "Bring the events of archives back into a store",
		Long: `Writes the events of archives into the store of a data folder, whose server must
be stopped. They keep their ids and times, and gatewatch.restored names the archive.
What the store holds already is left out, so that an interrupted restore can be
repeated. For store.retain_age the events are as old as their restoration.

To only search archives use gatewatch query --archive.`,
		Example: "  gatewatch store archive restore --data /var/lib/gatewatch default_20261101T000000Z_20261201T000000Z",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the archives to restore; gatewatch store archive list shows them")
			}
			return nil
		},
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runArchiveRestore(cmd, &f, args) }
	return cmd
}

func runArchiveRestore(cmd *cobra.Command, f *archiveFlags, names []string) (err error) {
	settings, err := f.open()
	if err != nil {
		return err
	}
	all, problems, err := f.named(names)
	if err = errors.Join(append(problems, err)...); err != nil {
		return err
	}
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return usageError{err}
	}
	v := newServer(settings, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})), func() {})
	defer func() { err = errors.Join(err, v.stop()) }()
	if err := v.openStore(); err != nil {
		return fmt.Errorf("open %s: %w (is a server running on it?)", f.data, err)
	}
	for _, m := range all {
		leaf := audit.Leaf{Actor: localUser(), Act: audit.ActUnarchive, Object: m.Name, Detail: map[string]string{"dir": f.dir}}
		if _, err := v.audit.Append(cmd.Context(), leaf); err != nil {
			return err
		}
		written, present, err := archive.Restore(cmd.Context(), m, settings.Store.Keys, v.store)
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s restored, %d there already\n", printable(m.Name), count(written, "event"), present)
		if err != nil {
			return err
		}
	}
	return nil
}
