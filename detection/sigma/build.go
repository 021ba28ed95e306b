package sigma

// Ruleset is what a set of documents comes to: rules with filters and pipeline
// applied, compiled, and the correlations over them.
type Ruleset struct {
	Engine *Engine
	Links  *Links // its rules are those of [Engine.Rules]
}

// Build makes the rule set of documents: filters first, then the pipeline, which
// may be nil, then the engine, and the correlations over the rules that it took.
// What cannot be honoured is left out and reported, after the errors of the
// documents themselves.
func Build(s *Set, p *Pipeline, options Options) (*Ruleset, []*Error) {
	errs := append([]*Error{}, s.Errors...)
	rules, more := ApplyFilters(s.Rules, s.Filters)
	errs = append(errs, more...)
	correlations := s.Correlations
	if p != nil {
		native, foreign := split(rules, options.Native)
		nativeCorrelations, foreignCorrelations := split(correlations, options.Native)
		foreign, foreignCorrelations, more = p.Apply(foreign, foreignCorrelations)
		errs = append(errs, more...)
		rules, correlations = append(native, foreign...), append(nativeCorrelations, foreignCorrelations...)
	}
	engine, more := Compile(rules, options)
	errs = append(errs, more...)
	links, more := Link(engine.Rules(), correlations)
	links.hush(engine.Rules())
	return &Ruleset{Engine: engine, Links: links}, append(errs, more...)
}

// split parts documents into those of a taxonomy and the others, all of them
// others if it is empty.
func split[D interface{ taxonomy() string }](documents []D, taxonomy string) (of, others []D) {
	for _, d := range documents {
		if taxonomy != "" && d.taxonomy() == taxonomy {
			of = append(of, d)
		} else {
			others = append(others, d)
		}
	}
	return of, others
}

func (h *Header) taxonomy() string { return h.Taxonomy }
