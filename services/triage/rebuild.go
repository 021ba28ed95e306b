package triage

import (
	"context"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// lateEvents are those of what became known of decisions.
var lateEvents = mustFilter(`event.dataset: "` + pipeline.VerdictFormat + `"`)

// rebuildRows is how many rows one transaction of a rebuild has.
const rebuildRows = 1000

// Rebuild makes the labels, draws and revisions of a state that was lost again from
// the stored events, which were made of the records of the queue. What the queue
// holds beyond them the pipeline brings. A state that knows them already is left as
// it is. It returns how many events it has read, 0 if there was no need.
func Rebuild(ctx context.Context, events Events, db *state.DB) (n int, err error) {
	known, err := db.KnowsLabels(ctx)
	if err != nil || known {
		return 0, err
	}
	var late state.Late
	put := func() error {
		defer func() { late = state.Late{} }()
		return db.PutLate(ctx, late)
	}
	q := &query.Query{Filter: lateEvents, Text: lateEvents.String()}
	page, err := events.Search(ctx, store.SearchRequest{Query: q, To: time.Time{}}, func(e *event.Event) error {
		n++
		pipeline.AddLate(&late, e)
		if len(late.Labels)+len(late.Draws)+len(late.Verdicts) < rebuildRows {
			return nil
		}
		return put()
	})
	if err == nil {
		err = put()
	}
	if err == nil && len(page.Stats.Partial) > 0 {
		err = fmt.Errorf("the answer of the store is not whole: %s", page.Stats.Partial[0])
	}
	if err != nil {
		return n, fmt.Errorf("make labels again: %w", err)
	}
	return n, db.SetKnowsLabels(ctx)
}
