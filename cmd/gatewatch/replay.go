package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

type replayFlags struct {
	settings *settingsFlags
	from     string
	dryRun   bool
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [--data DIR] [--from OFFSET|TIME] [--dry-run]",
		Short: "Make the events of stored records again, with the parsers and settings of now",
		Long: `Takes the events from an offset of the queue on out of the store, and reads
their records again. Records keep their ids, so that nothing is there twice. The
server must be stopped; give the configuration that it runs with.

The queue keeps records that are stored for queue.retain_age (7 days), as long as
they take no more than queue.retain_bytes (2 GiB) and the disk has room. --from is
the offset of a record, or the time from which on records were received (RFC 3339,
a date, or now-1h); without it the replay begins with the oldest record there is.

A replay that is interrupted or killed goes on when it or the server is started
the next time. Nothing is taken out of the store whose record the queue has lost.
What is stored again is as old as its replay for store.retain_age. Findings are
made again too; the detectors begin with the oldest record, which takes time.`,
		Example: `  gatewatch replay --data /var/lib/gatewatch --from now-1d --dry-run
  gatewatch replay --config /etc/gatewatch/gatewatch.yaml --from 2026-11-20T08:00:00Z
  gatewatch replay --data ./gatewatch-data --from 1500000`,
		Args: noArgs,
	}
	f.settings = bindSettings(cmd.Flags())
	cmd.Flags().StringVar(&f.from, "from", "", "offset or time to begin at (default: the oldest record of the queue)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would become of the records, and change nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runReplay(cmd, f) }
	return cmd
}

func runReplay(cmd *cobra.Command, f replayFlags) (err error) {
	s, err := f.settings.load()
	if err != nil {
		return err
	}
	if !isDir(s.Data) {
		return usagef("--data: %s is no folder", s.Data)
	}
	v := newServer(s, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})), func() {})
	if err := v.openStore(); err != nil {
		return errors.Join(fmt.Errorf("open %s: %w (is a server running on it?)", s.Data, err), v.stop())
	}
	r := replay{cmd: cmd, server: v}
	err = r.plan(cmd.Context(), f.from)
	switch {
	case err != nil:
	case f.dryRun:
		err = r.rehearse(cmd.Context())
	default:
		err = r.run(cmd.Context())
	}
	return errors.Join(err, v.stop())
}

// replay is one replay of a stopped server.
type replay struct {
	cmd       *cobra.Command
	server    *server
	from, end queue.Offset
}

// plan finds out where the replay begins and ends.
func (r *replay) plan(ctx context.Context, from string) (err error) {
	oldest, end := r.server.queue.Bounds()
	r.from, r.end = oldest, end
	if from == "" {
		return nil
	}
	if oldest == end {
		return usagef("--from: the queue is empty")
	}
	n, err := strconv.ParseUint(from, 10, 64)
	if err == nil {
		if r.from = queue.Offset(n); r.from < oldest || r.from > end {
			return usagef("--from: %s", r.held(ctx, fmt.Sprintf("offset %d is not in the queue", n)))
		}
		return nil
	}
	at, err := bound("--from", from)
	if err != nil {
		return err
	}
	if r.from, err = pipeline.OffsetAt(ctx, r.server.queue, at, end); err != nil {
		return err
	}
	if r.from == oldest && oldest > 1 {
		if first, ok := r.received(ctx, oldest); ok && first.After(at) {
			return usagef("--from: %s", r.held(ctx, "records of "+at.UTC().Format(time.RFC3339)+" are not in the queue any more"))
		}
	}
	return nil
}

// held adds to a text what the queue holds.
func (r *replay) held(ctx context.Context, why string) string {
	oldest, end := r.server.queue.Bounds()
	why += fmt.Sprintf("; it holds the records %d to %d", oldest, end-1)
	if at, ok := r.received(ctx, oldest); ok {
		why += ", the first of which was received at " + at.UTC().Format(time.RFC3339Nano)
	}
	return why
}

// received returns when the record at an offset was received.
func (r *replay) received(ctx context.Context, at queue.Offset) (time.Time, bool) {
	for b, err := range r.server.queue.Batches(ctx, at) {
		if err == nil && b.First == at {
			return time.Unix(0, b.Groups[0].Records[0].Received), true
		}
		break
	}
	return time.Time{}, false
}

// rehearse reads the records and says what a replay would do.
func (r *replay) rehearse(ctx context.Context) error {
	if err := r.guide(pipeline.CanReplay(ctx, r.server.queue, r.server.store, r.from)); err != nil {
		return err
	}
	rewound, err := r.server.store.Beyond(uint64(r.from))
	if err := r.guide(err); err != nil {
		return err
	}
	failed := 0
	data, err := r.server.settings.enrichments()
	if err != nil {
		return err
	}
	counts, err := pipeline.Read(ctx, r.server.settings.Pipeline, data, r.server.queue, r.from, r.end, func(b store.Batch) error {
		failed += countFailed(b.Events)
		r.progress(queue.Offset(b.Next))
		return nil
	})
	if err != nil {
		return err
	}
	r.say("%s would be taken out of the store", count(rewound.Rows, "event"))
	return r.sum(counts, count(failed, "event")+" would have an error.message")
}

func countFailed(events []event.Event) int {
	n := 0
	for i := range events {
		if events[i].Has(event.ErrorMessage) {
			n++
		}
	}
	return n
}

// run takes the events out of the store and makes them again.
func (r *replay) run(ctx context.Context) error {
	before, err := r.failures(ctx)
	if err != nil {
		return err
	}
	// A crash before the store is rewound leaves alerts that say to be behind it,
	// which the next batch mends.
	if err := r.server.state.Rewind(ctx, uint64(r.from)); err != nil {
		return err
	}
	rewound, err := pipeline.Rewind(ctx, r.server.queue, r.server.store, r.from)
	if err := r.guide(err); err != nil {
		return err
	}
	r.say("%s taken out of the store", count(rewound.Rows, "event"))
	line, err := r.server.newPipeline()
	if err != nil {
		return err
	}
	line.Warm, _ = r.server.queue.Bounds()
	if err := r.follow(ctx, line); err != nil {
		return err
	}
	after, err := r.failures(ctx)
	if err != nil {
		return err
	}
	return r.sum(line.Sources(), fmt.Sprintf("events with an error.message in the store: %d before, %d now", before, after))
}

// follow runs the pipeline to the end of the queue and shows how far it is.
func (r *replay) follow(ctx context.Context, line *pipeline.Pipeline) error {
	done := make(chan error, 1)
	go func() { done <- line.RunTo(ctx, r.end) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err == nil && ctx.Err() != nil {
				err = fmt.Errorf("interrupted at offset %d of %d; it goes on when the server or a replay --from %d is started", line.Offset(), r.end, line.Offset())
			}
			return err
		case <-tick.C:
			r.progress(line.Offset())
		}
	}
}

// failures counts the stored events that say that something is wrong with them.
func (r *replay) failures(ctx context.Context) (int64, error) {
	q, err := query.Parse("error.message: * | stats n = count()", time.Now())
	if err != nil {
		return 0, err
	}
	t, _, err := r.server.store.Aggregate(ctx, store.AggregateRequest{Query: q})
	if err != nil || len(t.Rows) == 0 {
		return 0, err
	}
	return t.Rows[0][0].Int(), nil
}

// guide says of an error of a rewind where a replay can begin instead.
func (r *replay) guide(err error) error {
	var lost *pipeline.LostError
	var split *store.SplitError
	switch {
	case errors.As(err, &lost):
		return fmt.Errorf("%w; to leave these as they are, begin behind them: --from %d", err, lost.To)
	case errors.As(err, &split):
		oldest, _ := r.server.queue.Bounds()
		if queue.Offset(split.First) >= oldest {
			return fmt.Errorf("%w; use --from %d or --from %d", err, split.First, split.Next)
		}
		return fmt.Errorf("%w; use --from %d", err, split.Next)
	}
	return err
}

// progress shows on a terminal how far the replay is.
func (r *replay) progress(at queue.Offset) {
	if isTerminal(r.cmd.ErrOrStderr()) && at > r.from {
		fmt.Fprintf(r.cmd.ErrOrStderr(), "%d of %d records\r", at-r.from, r.end-r.from)
	}
}

func (r *replay) say(format string, args ...any) {
	fmt.Fprintf(r.cmd.ErrOrStderr(), format+"\n", args...)
}

// sum prints what the parsers made of the records.
func (r *replay) sum(counts []pipeline.SourceCount, failed string) error {
	var parsed, bad uint64
	for _, c := range counts {
		parsed += c.Parsed
		bad += c.Failed
	}
	_, err := fmt.Fprintf(r.cmd.OutOrStdout(), "%s read again from offset %d on: %d parsed, %d could not be parsed\n%s\n",
		count(parsed+bad, "record"), r.from, parsed, bad, failed)
	return err
}
