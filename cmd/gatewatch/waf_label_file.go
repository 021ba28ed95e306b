package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// labelLine is a line of labels. Other members are not looked at, so that a list of
// decisions with its labels filled in is one.
type labelLine struct {
	ID      string `json:"id"`
	EventID string `json:"event_id"`
	Request string `json:"request_id"`
	Source  string `json:"source"`
	Label   string `json:"label"`
	Reason  string `json:"reason"`

	Probability float64 `json:"sample_probability"` // with which it was drawn for its label, 0 if it was not
}

// serverLabel is the label of a decision that a word means: attack and legit are
// those of labelled corpora.
func serverLabel(word string) string {
	switch word {
	case verdict.LabelAttack:
		return "true_positive"
	case verdict.LabelLegitimate:
		return "benign"
	}
	return word
}

// maxLabelLine bounds a line of labels, in bytes.
const maxLabelLine = 1 << 20

// runWAFLabelFile gives all labels of a file, each of which is an act of its own.
// A line that cannot be used is told and the rest goes on.
func runWAFLabelFile(cmd *cobra.Command, f *labelFlags) error {
	if err := f.connect(); err != nil {
		return err
	}
	in, err := openInput(cmd, f.file)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxLabelLine)
	given, empty, failed, n := 0, 0, 0, 0
	clear := func() {}
	for n = 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		clear = progressBar(cmd, fmt.Sprintf("%d labels given", given))
		labelled, err := f.labelOf(cmd, lines.Bytes())
		switch {
		case errors.Is(err, errUnavailable), err != nil && cmd.Context().Err() != nil:
			clear()
			return fmt.Errorf("line %d: %w; %d labels of the lines before are given", n, err, given)
		case err != nil:
			clear()
			failed++
			fmt.Fprintf(cmd.ErrOrStderr(), "line %d: %s\n", n, printable(err.Error()))
		case labelled:
			given++
		default:
			empty++
		}
	}
	clear()
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s, line %d: %w", f.file, n, err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s given, %d without one left alone, %d failed\n", count(int64(given), "label"), empty, failed)
	if failed > 0 {
		return errFindings
	}
	return nil
}

// labelOf gives the label of a line; one that has none is left alone.
func (f *labelFlags) labelOf(cmd *cobra.Command, text []byte) (labelled bool, err error) {
	var line labelLine
	if err := json.Unmarshal(text, &line); err != nil {
		return false, fmt.Errorf("read label: %w", err)
	}
	id := cmp.Or(line.EventID, line.ID)
	label := serverLabel(line.Label)
	switch {
	case label == "":
		return false, nil
	case id == "":
		return false, errors.New("id is missing")
	case !slices.Contains(knownLabels, label):
		return false, fmt.Errorf("label %.40q: want %s, attack or legit", line.Label, strings.Join(knownLabels, ", "))
	}
	body := map[string]string{"label": label, "reason": cmp.Or(line.Reason, f.reason), "source": cmp.Or(line.Source, f.source)}
	return true, f.call(cmd.Context(), http.MethodPost, "/api/v1/decisions/"+url.PathEscape(id)+":label", body, &struct{}{})
}
