package main

import (
	"bufio"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/store"
)

func newStoreVerify() *cobra.Command {
	var f storeFlags
	cmd := &cobra.Command{
		Use:   "verify [--data DIR]",
		Short: "Check every checksum of the store and name each damaged part",
		Long: `Reads all segments and checks every checksum. The server may run. Each damaged
part is printed with its file, block and column; exit 1 if there is any.

Queries leave damaged blocks out and say so. A server mends them by itself where
the queue still holds their records; a damaged manifest is made anew from the
segments at the next start. A segment of which events were lost when it was mended
is reported until its file is taken out of the store's folder quarantine.

Segments that were mended are listed, wholly mended ones too, which are no damage any
more (exit 0): that a file had to be mended may be the work of a disk, or of somebody.
The audit log has a leaf of each, see gatewatch audit verify.`,
		Example: `  gatewatch store verify --data /var/lib/gatewatch
  gatewatch store verify -o json | jq -r '.damage[].file'`,
		Args: noArgs,
	}
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runStoreVerify(cmd, &f) }
	return cmd
}

// verifyInfo is the outcome as JSON.
type verifyInfo struct {
	Segments int          `json:"segments"`
	Blocks   int          `json:"blocks"`
	Bytes    int64        `json:"bytes"`
	Damage   []damageInfo `json:"damage"`
	Mended   []mendedInfo `json:"mended"` // the newest 1024
}

// mendedInfo is of a segment that was found damaged and replaced.
type mendedInfo struct {
	File   string `json:"file"`
	By     string `json:"by,omitempty"`
	Stream string `json:"stream"`
	First  uint64 `json:"first"`
	Next   uint64 `json:"next"`
	Made   int64  `json:"made"`            // events that were made again
	Lost   int64  `json:"lost"`            // events that were not
	Found  string `json:"found,omitempty"` // SHA-256 of the damaged file
	At     string `json:"at"`
}

func mendedInfoOf(all []store.Mended) []mendedInfo {
	out := []mendedInfo{}
	for _, m := range all {
		out = append(out, mendedInfo{m.File, m.By, m.Stream, m.First, m.Next, m.Made, m.Lost, m.Found, m.At.Format(time.RFC3339)})
	}
	return out
}

type damageInfo struct {
	File   string `json:"file"`
	Stream string `json:"stream,omitempty"`
	Block  *int   `json:"block,omitempty"` // from 0 on
	Column string `json:"column,omitempty"`
	Error  string `json:"error"`
}

func runStoreVerify(cmd *cobra.Command, f *storeFlags) error {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	s, err := f.open()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	out := verifyInfo{Damage: []damageInfo{}, Mended: mendedInfoOf(s.Mended())}
	clear := func() {}
	sum, err := s.Verify(cmd.Context(),
		func(d store.Damage) {
			info := damageInfo{File: d.File, Stream: d.Stream, Column: d.Column, Error: d.Err.Error()}
			if d.Block >= 0 {
				info.Block = &d.Block
			}
			out.Damage = append(out.Damage, info)
		},
		func(read, of int64) { clear = progressBar(cmd, size(read)+" of "+size(of)) })
	clear()
	if err != nil {
		return err
	}
	out.Segments, out.Blocks, out.Bytes = sum.Segments, sum.Blocks, sum.Bytes
	if table {
		err = printDamage(cmd, &out)
	} else {
		err = printJSON(cmd.OutOrStdout(), &out)
	}
	if err == nil && len(out.Damage) > 0 {
		err = errFindings
	}
	return err
}

func printDamage(cmd *cobra.Command, v *verifyInfo) error {
	w := bufio.NewWriter(cmd.OutOrStdout())
	if len(v.Damage) > 0 {
		t := newTable(w, outTable, []string{"file", "stream", "block", "column", "damage"})
		t.width = terminalWidth(cmd.OutOrStdout())
		for _, d := range v.Damage {
			block := ""
			if d.Block != nil {
				block = fmt.Sprint(*d.Block)
			}
			if err := t.Write([]string{d.File, d.Stream, block, d.Column, d.Error}); err != nil {
				return err
			}
		}
		if err := t.Close(); err != nil {
			return err
		}
	}
	for _, m := range v.Mended {
		fmt.Fprintf(w, "mended %s: %s of stream %s: %s made again, %d lost\n", m.At, m.File, m.Stream, count(m.Made, "event"), m.Lost)
	}
	fmt.Fprintf(w, "%s, %s, %s read: %s\n", count(v.Segments, "segment"), count(v.Blocks, "block"), size(v.Bytes), count(len(v.Damage), "damaged part"))
	return w.Flush()
}
