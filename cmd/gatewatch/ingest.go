package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
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
part, goes on where it stopped: each record is stored once. The same file under
another path or with another beginning is another file. With --data no server may
run on the folder.`,
		Example: `  gatewatch ingest --format nginx.access --source shop-gateway access.log access.log.1.gz
  gatewatch ingest --data ./gatewatch-data --format exchange.messagetracking MSGTRK*.LOG`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("give at least one file")
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
		if to, err = openLocal(cmd, f.config, f.data); err != nil {
			return err
		}
	} else {
		if err := f.connect(); err != nil {
			return err
		}
		to = &remoteTarget{&f.remote}
	}
	if f.source == "" {
		f.source = "file"
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
	file, err := os.Open(name)
	if err != nil {
		return usageError{err}
	}
	defer file.Close()
	r, epoch, err := openRecords(file, source)
	if err != nil {
		return err
	}
	l := loader{cmd: cmd, to: to, name: name, group: queue.Group{Source: source, Format: format.Name, Epoch: epoch}}
	if l.stored, err = to.position(cmd.Context(), &l.group); err != nil {
		return err
	}
	lines := parse.Lines(r, format, 0)
	for {
		rec, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := l.add(rec); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d records stored, %d were stored before\n", printable(name), l.accepted, l.before)
	return nil
}

// loader batches the records of a file.
type loader struct {
	cmd              *cobra.Command
	to               fileTarget
	name             string
	group            queue.Group
	bytes            int
	stored           uint64 // position up to which the file is stored
	accepted, before uint64
	shown            time.Time
}

func (l *loader) add(rec parse.Framed) error {
	if uint64(rec.End) <= l.stored {
		l.before++
		return nil
	}
	if rec.Header != l.group.Header || len(l.group.Records) == batchRecords || l.bytes > batchBytes {
		if err := l.flush(); err != nil {
			return err
		}
		l.group.Header = rec.Header
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

// openRecords returns the bytes of a file, decompressed, and the epoch of its
// positions: a hash of the source, the path and the first 4 KiB.
func openRecords(file *os.File, source string) (io.Reader, queue.Epoch, error) {
	var epoch queue.Epoch
	path, err := filepath.Abs(file.Name())
	if err != nil {
		return nil, epoch, err
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, epoch, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "gatewatch file\x00%s\x00%s\x00%s", source, path, head[:n]))
	copy(epoch[:], sum[:])
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, epoch, err
	}
	if n > 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(file)
		return z, epoch, err
	}
	return file, epoch, nil
}
