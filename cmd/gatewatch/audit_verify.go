package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/store"
)

// auditReport is what audit verify found.
type auditReport struct {
	Status string `json:"status"` // ok or broken
	// Position is the index of the first leaf that cannot be trusted, or that
	// sealed the first segment that cannot; -1 if no leaf is concerned.
	Position *int64 `json:"position,omitempty"`
	Reason   string `json:"reason,omitempty"`
	audit.Checked
	Segments audit.SegmentCounts    `json:"segments"`
	Problems []audit.SegmentProblem `json:"problems,omitempty"`
	Mended   []audit.Repair         `json:"mended,omitempty"` // damaged segments that were replaced; no problem of the log
	Aside    []string               `json:"damaged_logs,omitempty"`
}

func newAuditVerify() *cobra.Command {
	var a auditLog
	var output string
	cmd := &cobra.Command{
		Use:   "verify [--data DIR] [--key FILE]",
		Short: "Check that nothing in the audit log and the sealed segments was changed",
		Long: `Checks every leaf of the audit log against its hash, the tree and the signatures,
and every segment of the store against the leaf that sealed it. It needs no server,
and may run beside one. It names the first position that is not sound.

Segments that were found damaged and mended are listed: the log tells when, and the
hash of the file that was found, not whether a disk or somebody changed it.

The log has to go on from where the state (state.db) knows it to have stood, and to
be as old as the store. Who can write to the data folder can change both with it:
compare the number of leaves and the root with ones noted elsewhere, and
give --key a copy of the public key that was kept where the server is not.

Exit codes: 0 sound, 1 broken, 2 usage.`,
		Example: `  gatewatch audit verify --data /var/lib/gatewatch
  gatewatch audit verify --data /mnt/evidence --key gatewatch-audit.pub -o json`,
		Args: noArgs,
	}
	a.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "table or json (default: table on a terminal, else json)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if output == "" {
			output = "json"
			if isTerminal(cmd.OutOrStdout()) {
				output = "table"
			}
		}
		if output != "json" && output != "table" {
			return usagef("-o: want table or json, have %q", output)
		}
		r, err := a.verify(cmd.Context())
		if err != nil {
			return err
		}
		if err := r.write(cmd.OutOrStdout(), output); err != nil {
			return err
		}
		if r.Status != "ok" {
			return errFindings
		}
		return nil
	}
	return cmd
}

// verifyTries is how often a log is verified that a server writes to meanwhile.
const verifyTries = 5

// verify compares the log with the store. Beside a server segments come and go
// between the two looks, so a problem counts only if the log has not grown.
func (a *auditLog) verify(ctx context.Context) (auditReport, error) {
	if _, err := a.load(); err != nil {
		return auditReport{}, err
	}
	for try := 1; ; try++ {
		before, err := os.ReadFile(filepath.Join(a.data, audit.Dir, "checkpoint"))
		if err != nil && !os.IsNotExist(err) {
			return auditReport{}, err
		}
		r, err := a.look(ctx)
		if err != nil || r.Status == "ok" || try == verifyTries {
			return r, err
		}
		now, err := os.ReadFile(filepath.Join(a.data, audit.Dir, "checkpoint"))
		if err != nil || bytes.Equal(before, now) {
			return r, nil //nolint:nilerr // the report says what is missing
		}
	}
}

func (a *auditLog) look(ctx context.Context) (auditReport, error) {
	r := auditReport{Status: "ok"}
	var segments audit.Segments
	lost := int64(-1) // leaf that says so
	var err error
	r.Checked, err = a.read(ctx, func(i int64, l audit.Leaf) error {
		segments.Add(i, l)
		if l.Act == audit.ActLost {
			lost = i
		}
		return nil
	})
	if b := broken(err); b != nil {
		r.fail(b.Position, b.Reason)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	dir := filepath.Join(a.data, storeDir)
	named, err := store.SegmentNames(dir)
	if err == nil {
		r.Segments, r.Problems, err = segments.Check(dir, named)
	}
	if err != nil {
		return r, err
	}
	r.Mended = segments.Repairs()
	if r.Aside, err = audit.Aside(a.data); err != nil {
		return r, err
	}
	_, gone, err := a.marks(ctx)
	if err != nil {
		return r, err
	}
	if len(r.Aside) > 0 {
		gone = append([]string{"an earlier log was damaged and set aside: " + r.Aside[0] + "; what it holds is not part of this one"}, gone...)
	}
	if n := r.Segments.Adopted; n > 0 {
		gone = append(gone, fmt.Sprintf("the log is younger than the store: %s adopted", count(n, "segment")))
	}
	switch {
	case len(r.Problems) > 0:
		r.fail(r.Problems[0].Leaf, r.Problems[0].Name+": "+r.Problems[0].Reason)
	case len(gone) > 0:
		r.fail(0, strings.Join(gone, "; "))
	case lost >= 0:
		r.fail(lost, "the server found that the log was not the one of before")
	}
	return r, nil
}

// foundText tells what the file of a mended segment was found to be.
func foundText(m audit.Repair) string {
	if m.Found == "" {
		return "its file could not be read"
	}
	return "SHA-256 of its file then " + printable(m.Found)
}

func (r *auditReport) fail(position int64, reason string) {
	r.Status, r.Position, r.Reason = "broken", &position, reason
}

func (r *auditReport) write(w io.Writer, output string) error {
	if output == "json" {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	}
	if r.Position != nil {
		fmt.Fprintf(w, "BROKEN at leaf %d: %s\n", *r.Position, printable(r.Reason))
		for _, p := range r.Problems {
			fmt.Fprintf(w, "  leaf %d: %s: %s\n", p.Leaf, printable(p.Name), p.Reason)
		}
		return nil
	}
	s := r.Segments
	fmt.Fprintf(w, "sound: %d leaves, root %s\nlog %s\n", r.Leaves, r.Root, r.Origin)
	fmt.Fprintf(w, "%s sealed: %d on disk as they were sealed, %d merged, %d deleted, %d withdrawn\n",
		count(s.Sealed, "segment"), s.Verified, s.Replaced, s.Deleted, s.Withdrawn)
	if len(r.Mended) > 0 {
		fmt.Fprintf(w, "%s damaged or changed, and mended:\n", count(len(r.Mended), "segment"))
	}
	for _, m := range r.Mended {
		fmt.Fprintf(w, "  leaf %d: %s: %s: %s events made again, %s lost; %s\n", m.Leaf, m.Time.Format(time.RFC3339), printable(m.Name),
			printable(cmp.Or(m.Made, "no")), printable(cmp.Or(m.Lost, "none")), foundText(m))
	}
	if r.Unfinished > 0 {
		fmt.Fprintf(w, "the log ends with %s of a write that was not finished or acknowledged\n", count(int(r.Unfinished), "byte"))
	}
	return nil
}
