package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

// runWAFUndoBy takes back the labels that somebody gave, act by act.
func runWAFUndoBy(cmd *cobra.Command, f *labelFlags) error {
	if err := f.connect(); err != nil {
		return err
	}
	body := map[string]any{"labels_of": f.undoBy, "since": f.from, "reason": f.reason}
	for n := 0; ; {
		var answer struct {
			Group labelledGroupJSON `json:"group"`
		}
		if err := f.call(cmd.Context(), http.MethodPost, "/api/v1/decisions:undoLabels", body, &answer); err != nil {
			return err
		}
		n += answer.Group.N
		if !answer.Group.More {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s of %s taken back\n", count(int64(n), "label"), printable(f.undoBy))
			return nil
		}
	}
}
