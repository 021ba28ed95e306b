package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// labelledGroupJSON is what an act about many decisions is about, as REST says it.
type labelledGroupJSON struct {
	Site     string    `json:"site"`
	Path     string    `json:"path_template"`
	Rule     string    `json:"rule"`
	Variable string    `json:"variable"`
	Decision string    `json:"decision"`
	Act      int64     `json:"act"`
	N        int       `json:"n"`
	Labelled int       `json:"labelled"`
	KeptOut  int       `json:"kept_out"`
	Outside  int       `json:"outside"`
	Covers   string    `json:"covers"`
	LeastP   *float64  `json:"least_p_attack"`
	MostP    *float64  `json:"most_p_attack"`
	Least    refJSON   `json:"least_likely"`
	Most     refJSON   `json:"likeliest"`
	More     bool      `json:"more"`
	First    time.Time `json:"first_time"`
	Last     time.Time `json:"last_time"`
	Examples []refJSON `json:"examples"`
}

type refJSON struct {
	ID string `json:"id"`
}

// runWAFLabelGroup labels a group of decisions, or takes that back.
func runWAFLabelGroup(cmd *cobra.Command, f *labelFlags, args []string) error {
	if err := f.connect(); err != nil {
		return err
	}
	path, body := "/api/v1/decisions:undoLabels", map[string]any{"act": f.undoAct, "reason": f.reason}
	if f.undoAct == 0 {
		path = "/api/v1/decisions:labelGroup"
		body = map[string]any{
			"like_id": args[0], "like_source": f.source, "label": args[1], "reason": f.reason,
			"from": f.from, "to": f.to, "filter": f.filter, "preview": f.preview, "covers": f.covers, "all": f.all,
		}
	}
	var answer struct {
		Group labelledGroupJSON `json:"group"`
	}
	if err := f.call(cmd.Context(), http.MethodPost, path, body, &answer); err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), f.told(&answer.Group))
	return nil
}

// told says what an act did, or would do.
func (f *labelFlags) told(g *labelledGroupJSON) string {
	var b strings.Builder
	if g.N == 0 {
		b.WriteString("nothing to label")
	} else {
		what := "labelled"
		switch {
		case f.preview:
			what = "would be labelled"
		case f.undoAct != 0:
			what = "no longer have that label"
		}
		fmt.Fprintf(&b, "%s %s: %s %s", count(int64(g.N), "decision"), what, g.Decision, printable(g.Site+" "+g.Path))
		if g.Rule != "" {
			fmt.Fprintf(&b, ", rule %s in %s", printable(g.Rule), printable(g.Variable))
		}
		fmt.Fprintf(&b, ", %s to %s", g.First.UTC().Format(time.RFC3339), g.Last.UTC().Format(time.RFC3339))
	}
	if g.Labelled > 0 {
		fmt.Fprintf(&b, "; %d have a label already", g.Labelled)
	}
	if g.KeptOut > 0 {
		fmt.Fprintf(&b, "; %d are left out since the verdict is sure of the contrary (--even-sure takes them)", g.KeptOut)
	}
	if g.Outside > 0 {
		fmt.Fprintf(&b, "; outside the filter there are %d more of the group", g.Outside)
	}
	if g.More {
		b.WriteString("; there are more, for another act")
	}
	if g.Act != 0 && f.undoAct == 0 {
		fmt.Fprintf(&b, "; gatewatch waf label --undo-act %d takes it back", g.Act)
	}
	if f.preview && len(g.Examples) > 0 {
		b.WriteString("; such as")
		for _, x := range g.Examples {
			b.WriteString(" " + printable(x.ID))
		}
	}
	if g.LeastP != nil && g.MostP != nil && f.undoAct == 0 {
		fmt.Fprintf(&b, "; p_attack %v (%s) to %v (%s)", rounded(*g.LeastP), printable(g.Least.ID), rounded(*g.MostP), printable(g.Most.ID))
	}
	if f.preview && g.N > 0 {
		fmt.Fprintf(&b, "; --covers %s labels just these", printable(g.Covers))
	}
	return b.String()
}
