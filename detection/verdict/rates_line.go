package verdict

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// Labels of corpora.
const (
	LabelAttack     = "attack"
	LabelLegitimate = "legit"
)

// TruthOf is what a label says, in the words of corpora (attack, legit) or of
// decisions (true_positive, false_positive, benign, unsure). ok is false for another
// word.
func TruthOf(label string) (truth Truth, ok bool) {
	switch label {
	case LabelAttack, "true_positive":
		return Attack, true
	case LabelLegitimate, "false_positive", "benign":
		return Legitimate, true
	}
	return Unknown, label == "unsure"
}

// DecidedLine is a decision in the form that gatewatch waf rates and gatewatch
// waf sample read.
type DecidedLine struct {
	ID, Scope string
	Decided
}

// ReadDecided decodes one line of JSON: id, scope, decision (block or allow),
// p_attack, and of a labelled one label (see [TruthOf]) and sample_probability. A
// scope that is absent is the site. Null is as good as absent; other members are not
// looked at. A label without a probability is one that nobody drew.
func ReadDecided(line []byte) (DecidedLine, error) {
	var in struct {
		ID          string   `json:"id"`
		Scope       string   `json:"scope"`
		Site        string   `json:"site"`
		Decision    string   `json:"decision"`
		PAttack     *float64 `json:"p_attack"`
		Label       *string  `json:"label"`
		Probability *float64 `json:"sample_probability"`
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return DecidedLine{}, fmt.Errorf("read decision: %w", err)
	}
	d := DecidedLine{ID: in.ID, Scope: cmp.Or(in.Scope, in.Site)}
	switch in.Decision {
	case "block":
		d.Blocked = true
	case "allow":
	default:
		return d, fmt.Errorf("decision is %.20q, not block or allow", in.Decision)
	}
	if in.PAttack == nil {
		return d, errors.New("p_attack is missing")
	}
	d.PAttack = *in.PAttack
	if in.Probability != nil {
		if *in.Probability == 0 {
			return d, errors.New("sample_probability is 0: what cannot be drawn cannot have been")
		}
		d.Probability = *in.Probability
	}
	if in.Label != nil && *in.Label != "" {
		truth, ok := TruthOf(*in.Label)
		if !ok {
			return d, fmt.Errorf("label is %.20q, not attack, legit, true_positive, false_positive, benign, unsure or null", *in.Label)
		}
		d.Truth = truth
	}
	return d, d.check()
}
