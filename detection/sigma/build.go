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
		rules, correlations, more = p.Apply(rules, correlations)
		errs = append(errs, more...)
	}
	engine, more := Compile(rules, options)
	errs = append(errs, more...)
	links, more := Link(engine.Rules(), correlations)
	return &Ruleset{Engine: engine, Links: links}, append(errs, more...)
}
