package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/store"
)

// shownColumns is how many columns a table of them shows.
const shownColumns = 15

func newStoreInfo() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "info [--data DIR]",
		Short: "Show streams, segments, rows, bytes, time ranges and the largest columns",
		Long: `Shows what the segments of the store hold. The server may run; what is in its
memory only is not counted.

Of each stream: its segments, events and bytes, the times of the oldest and the
newest event, when the oldest was written, and how long and how much of it is kept.
Of columns: what they take in all blocks, with their filters, and how they are
encoded. Of damage that could not all be mended: how many events are lost.

Damage is counted as far as it shows without reading the events: gatewatch store
verify reads them all.`,
		Example: `  gatewatch store info --data /var/lib/gatewatch
  gatewatch store info -o json | jq '.columns[:5]'`,
		Args: noArgs,
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runStoreInfo(cmd, &f) }
	return cmd
}

func runStoreInfo(cmd *cobra.Command, f *storeFlags) error {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	s, err := f.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	inv, err := s.Inventory(cmd.Context())
	if err != nil {
		return err
	}
	if !table {
		return printJSON(cmd.OutOrStdout(), infoOf(inv))
	}
	return printInventory(cmd, inv)
}

// storeInfo is an inventory as JSON.
type storeInfo struct {
	Applied uint64       `json:"applied"`
	Streams []streamInfo `json:"streams"`
	Columns []columnInfo `json:"columns"`
	Lost    []lostInfo   `json:"lost"`
}

// lostInfo is of a segment that was mended in part, or that retention could not read.
type lostInfo struct {
	File   string    `json:"file,omitempty"` // in the store's folder, while it is kept
	Stream string    `json:"stream"`
	First  uint64    `json:"first"`
	Next   uint64    `json:"next"`
	Events int64     `json:"events"`
	Found  time.Time `json:"found"`
	Unread bool      `json:"unread,omitempty"` // events and offsets are not known
}

type streamInfo struct {
	Name     string    `json:"name"`
	Segments int       `json:"segments"`
	Rows     int64     `json:"rows"`
	Bytes    int64     `json:"bytes"`
	Damaged  *int      `json:"damaged"` // parts known to be damaged; null: none is known, and it was not looked for
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Since    time.Time `json:"written_since"`
	MaxAge   float64   `json:"max_age_seconds"` // negative: for ever
	MaxBytes int64     `json:"max_bytes"`       // 0: no limit of its own
}

type columnInfo struct {
	Name      string   `json:"name"`
	Bytes     int64    `json:"bytes"`
	Filters   int64    `json:"filter_bytes"`
	Entries   int64    `json:"entries"`
	Blocks    int      `json:"blocks"`
	Encodings []string `json:"encodings"`
}

func infoOf(inv store.Inventory) storeInfo {
	out := storeInfo{Applied: inv.Applied, Streams: []streamInfo{}, Columns: []columnInfo{}, Lost: []lostInfo{}}
	for _, s := range inv.Streams {
		out.Streams = append(out.Streams, streamInfo{
			s.Name, s.Segments, s.Rows, s.Bytes, knownDamage(s.Damaged), s.From, s.To, s.Since, s.MaxAge.Seconds(), s.MaxBytes,
		})
	}
	for _, c := range inv.Columns {
		out.Columns = append(out.Columns, columnInfo{c.Name, c.Bytes, c.Filters, c.Entries, c.Blocks, c.Encodings})
	}
	for _, l := range inv.Lost {
		info := lostInfo{Stream: l.Stream, First: l.First, Next: l.Next, Events: l.Rows, Found: l.At, Unread: l.Unread}
		if l.Kept {
			info.File = l.File
		}
		out.Lost = append(out.Lost, info)
	}
	return out
}

func printInventory(cmd *cobra.Command, inv store.Inventory) error {
	w := bufio.NewWriter(cmd.OutOrStdout())
	width := terminalWidth(cmd.OutOrStdout())
	streams := newTable(w, outTable, []string{"stream", "segments", "events", "size", "from", "to", "kept for", "at most", "damaged"})
	streams.width = width
	for _, s := range inv.Streams {
		err := streams.Write([]string{
			s.Name, fmt.Sprint(s.Segments), fmt.Sprint(s.Rows), size(s.Bytes),
			s.From.Format(time.RFC3339), s.To.Format(time.RFC3339), keptFor(s.MaxAge), atMost(s.MaxBytes), damageText(s.Damaged),
		})
		if err != nil {
			return err
		}
	}
	if err := streams.Close(); err != nil {
		return err
	}
	var all int64
	for _, c := range inv.Columns {
		all += c.Bytes
	}
	fmt.Fprintf(w, "\nqueue offsets below %d are in segments\n\n", inv.Applied)
	for _, l := range inv.Lost {
		if l.Unread {
			fmt.Fprintf(w, "could not be read when its time was over, and is not archived: %s of stream %s\n", l.File, l.Stream)
			continue
		}
		fmt.Fprintf(w, "lost when damage was mended: %s of stream %s, queue offsets %d to %d\n", count(l.Rows, "event"), l.Stream, l.First, l.Next-1)
	}
	columns := newTable(w, outTable, []string{"column", "size", "share", "filters", "values", "encoding"})
	columns.width = width
	for _, c := range inv.Columns[:min(len(inv.Columns), shownColumns)] {
		share := fmt.Sprintf("%.1f %%", 100*float64(c.Bytes)/float64(max(1, all)))
		err := columns.Write([]string{c.Name, size(c.Bytes), share, size(c.Filters), fmt.Sprint(c.Entries), strings.Join(c.Encodings, ", ")})
		if err != nil {
			return err
		}
	}
	if err := columns.Close(); err != nil {
		return err
	}
	if n := len(inv.Columns) - shownColumns; n > 0 {
		fmt.Fprintf(w, "and %s: see -o json\n", count(n, "smaller column"))
	}
	return w.Flush()
}

// knownDamage is a number of damaged parts, nil for none: opening a segment reads a
// small part of it, so that none says nothing.
func knownDamage(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func damageText(n int) string {
	if n == 0 {
		return "not checked"
	}
	return fmt.Sprintf("%d known", n)
}

func keptFor(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "ever"
	case d%day == 0:
		return count(int64(d/day), "day")
	}
	return d.String()
}

func atMost(n int64) string {
	if n == 0 {
		return ""
	}
	return size(n)
}
