package triage

import (
	"fmt"
	"slices"
)

// Labelled says what becomes of decisions with a label in a list: whoever goes over
// the queue wants to see first what nobody has said anything of.
type Labelled string

// What becomes of them.
const (
	LabelledLast  Labelled = "last"     // they come behind the others
	LabelledMixed Labelled = "mixed"    // they come as the others do
	LabelledOut   Labelled = "left_out" // they are not listed
	LabelledOnly  Labelled = "only"     // the others are not listed
)

var labelledChoices = []Labelled{LabelledLast, LabelledMixed, LabelledOut, LabelledOnly}

// fill fills in the default.
func (l *Labelled) fill() error {
	if *l == "" {
		*l = LabelledLast
	}
	if !slices.Contains(labelledChoices, *l) {
		return fmt.Errorf("labelled %.40q %w: want one of %v", string(*l), ErrInvalid, labelledChoices)
	}
	return nil
}

// takes tells whether a decision is listed.
func (l Labelled) takes(x *Decision) bool {
	switch l {
	case LabelledOut:
		return x.Label.ID == 0
	case LabelledOnly:
		return x.Label.ID != 0
	}
	return true
}
