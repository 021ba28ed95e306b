package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

type ingestFlags struct {
	remote
	data, config, format, source string
}

func newIngest() *cobra.Command {
	var f ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest [--server URL | --data DIR] --format NAME [--source NAME] FILE...",
		Short: "Load log files",
		Long: `Loads the records of files, plain or gzip. A file that was loaded before, or in
part, goes on where it stopped, also after it has grown, was renamed, moved or
compressed: each record is stored once. A file is known by its source and the
first 4 KiB of its text, not by its path; files of one source that begin alike
for so long, or are the same as far as they go, are one file.

A last line without a line ending is stored as it is. If it was still being
written, the next run stores the whole line as another record: a copy rather
than a loss. With --data no server may run on the folder. Standard input has no
place to go on from: send it to /raw/FORMAT of the server's listen.ingest.`,
		Example: `  gatewatch ingest --format nginx.access --source shop-gateway access.log access.log.1.gz
  gatewatch ingest --data ./gatewatch-data --format exchange.messagetracking MSGTRK*.LOG`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("give at least one file")
			}
			if slices.Contains(args, "-") {
				return usagef("standard input has no place to go on from after a failure; give a file, or send it to the server: curl --data-binary @- 'http://127.0.0.1:8081/raw/FORMAT?source=NAME'")
			}
			return nil
		},
	}
	addTarget(cmd, &f.remote, &f.data, "data folder to load into, instead of --server")
	addConfig(cmd, &f.config)
	cmd.Flags().StringVar(&f.format, "format", "auto", "format of the records, see gatewatch version")
	cmd.Flags().StringVar(&f.source, "source", "", `name of the source (default: that of the token, else "file")`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runIngest(cmd, f, args) }
	return cmd
}

// fileTarget is where the records of files go.
type fileTarget interface {
	// position returns up to where a file is stored.
	position(ctx context.Context, g *queue.Group) (uint64, error)
	// put stores records and returns how many were new.
	put(ctx context.Context, g *queue.Group) (uint64, error)
	close(ctx context.Context) error
}

func runIngest(cmd *cobra.Command, f ingestFlags, files []string) (err error) {
	format, err := lookupFormat(f.format)
	if err != nil {
		return err
	}
	var to fileTarget
	if f.data != "" {
		if f.source == "" {
			f.source = "file"
		}
		if to, err = openLocal(cmd, f.config, f.data); err != nil {
			return err
		}
	} else {
		if err := f.connect(); err != nil {
			return err
		}
		to = &remoteTarget{&f.remote}
	}
	for _, name := range files {
		if err = ingestFile(cmd, to, format, f.source, name); err != nil {
			err = fmt.Errorf("ingest %s: %w", name, err)
			break
		}
	}
	return errors.Join(err, to.close(cmd.Context()))
}

const (
	batchRecords = 2000
	batchBytes   = 1 << 20
)

// ingestFile loads one file from where it stopped the last time.
func ingestFile(cmd *cobra.Command, to fileTarget, format *parse.Format, source, name string) error {
	file, err := openInput(cmd, name)
	if err != nil {
		if errors.Is(err, errGzipCut) {
			err = cutShort(err, "0 records stored")
		}
		return err
	}
	defer file.Close()
	head, r := readHead(file)
	l := loader{cmd: cmd, to: to, name: name, print: fingerprintOf(head), group: queue.Group{Source: source, Format: format.Name}}
	if err := l.seek(); err != nil {
		return err
	}
	if err := l.load(parse.Lines(r, format, 0)); err != nil {
		return cutShort(err, count(l.accepted, "record")+" stored")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s stored, %d %s stored before\n", printable(name), count(l.accepted, "record"), l.before, were(l.before))
	return nil
}

// loader batches the records of a file.
type loader struct {
	cmd              *cobra.Command
	to               fileTarget
	name             string
	print            fingerprint
	group            queue.Group
	bytes            int
	stored           int64 // position up to which the file is stored
	accepted, before uint64
	shown            time.Time
}

// seek finds out up to where the file is stored.
func (l *loader) seek() error {
	for _, l.group.Epoch = range l.print.known {
		at, err := l.to.position(l.cmd.Context(), &l.group)
		if err != nil || at > 0 {
			l.stored = int64(at)
			return err
		}
	}
	return nil
}

// load stores the records of the file that are not stored yet. When the file
// cannot be read further, those before that place are.
func (l *loader) load(lines *parse.Framer) error {
	for {
		rec, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return l.flush()
		}
		if err != nil {
			return errors.Join(l.flush(), err)
		}
		if err := l.add(rec); err != nil {
			return err
		}
	}
}

// has tells whether a record is stored. Of one that was the end of the file
// then, its line ending may have come since.
func (l *loader) has(rec parse.Framed) bool {
	return rec.End <= l.stored || rec.Dropped == 0 && rec.Offset+int64(len(rec.Line)) == l.stored
}

func (l *loader) add(rec parse.Framed) error {
	if l.has(rec) {
		l.before++
		return nil
	}
	epoch := l.print.of(rec.End)
	if rec.Header != l.group.Header || epoch != l.group.Epoch || len(l.group.Records) == batchRecords || l.bytes > batchBytes {
		if err := l.flush(); err != nil {
			return err
		}
		l.group.Header, l.group.Epoch = rec.Header, epoch
	}
	if rec.Dropped > 0 {
		fmt.Fprintf(l.cmd.ErrOrStderr(), "%s: the record at byte %d was cut by %d bytes\n", printable(l.name), rec.Offset, rec.Dropped)
	}
	l.group.Records = append(l.group.Records, queue.Record{Seq: uint64(rec.End), Raw: append([]byte(nil), rec.Line...), Cut: rec.Dropped > 0})
	l.bytes += len(rec.Line)
	return nil
}

func (l *loader) flush() error {
	if len(l.group.Records) == 0 {
		return nil
	}
	n, err := l.put()
	if err != nil {
		return err
	}
	l.accepted += n
	l.group.Records, l.bytes = nil, 0
	if now := time.Now(); isTerminal(l.cmd.ErrOrStderr()) && now.Sub(l.shown) > time.Second {
		l.shown = now
		fmt.Fprintf(l.cmd.ErrOrStderr(), "%s: %d records\r", printable(l.name), l.accepted)
	}
	return nil
}

// put waits while the server has no room.
func (l *loader) put() (uint64, error) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		n, err := l.to.put(l.cmd.Context(), &l.group)
		if !errors.Is(err, errUnavailable) {
			return n, err
		}
		fmt.Fprintf(l.cmd.ErrOrStderr(), "%s; trying again in %s\n", printable(err.Error()), wait)
		select {
		case <-l.cmd.Context().Done():
			return 0, l.cmd.Context().Err()
		case <-time.After(wait):
		}
	}
}
