package rules

import "github.com/gatewatch/gatewatch/detection/sigma"

// Sources are documents and what is done to them before they are used. Server and
// command line make their rule sets of them alike.
type Sources struct {
	Set      *sigma.Set      // is changed
	Overlay  *Overlay        // may be nil
	Pipeline *sigma.Pipeline // may be nil; rules of taxonomy ecs pass by it
	Unique   bool            // leave out documents whose key another one has: their findings would be one
}

// Built is a rule set, what of its sources could not be honoured, and which names
// in the overlay no rule has.
type Built struct {
	*sigma.Ruleset
	Rejected []*sigma.Error // those of the documents themselves first
	Unknown  []string
}

// taxonomyECS is the taxonomy of rules that name fields as events do: they pass
// by the pipelines.
const taxonomyECS = "ecs"

// Build applies the overlay, then the filters, then the pipeline, and compiles.
func (s Sources) Build(options sigma.Options) (*Built, error) {
	b := new(Built)
	if s.Overlay != nil {
		var err error
		if b.Unknown, err = s.Overlay.apply(s.Set); err != nil {
			return nil, err
		}
	}
	if s.Unique {
		s.Set.Errors = append(s.Set.Errors, dropDuplicates(s.Set)...)
	}
	options.Native = taxonomyECS
	b.Ruleset, b.Rejected = sigma.Build(s.Set, s.Pipeline, options)
	return b, nil
}
