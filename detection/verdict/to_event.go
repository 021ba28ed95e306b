package verdict

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxEvidence bounds how much of the evidence an event takes over.
const maxEvidence = 16

// AppendTo adds the verdict to the event of the decision, as its revision: the
// one of the moment is 0. Evidence is written as name|weight|detail, of the
// strongest pieces.
func (v *Verdict) AppendTo(e *event.Event, revision int) {
	e.Add(event.VerdictPAttack, event.Float(v.PAttack))
	if v.PFalsePositive > 0 {
		e.Add(event.VerdictPFalse, event.Float(v.PFalsePositive))
	}
	if v.PMissed > 0 {
		e.Add(event.VerdictPMissed, event.Float(v.PMissed))
	}
	e.AddText(event.VerdictKind, string(v.Kind))
	e.AddText(event.VerdictModel, v.Model)
	e.AddInt(event.VerdictRevision, int64(revision))
	for _, ev := range v.Evidence[:min(len(v.Evidence), maxEvidence)] {
		text := plainPart(ev.Name) + "|" + strconv.FormatFloat(ev.Weight, 'f', 2, 64) + "|" + plainPart(ev.Detail)
		e.AddList(event.VerdictEvidence, event.String(text))
	}
}

// plainPart keeps a part of a line of evidence one part.
func plainPart(s string) string { return strings.ReplaceAll(s, "|", "/") }
