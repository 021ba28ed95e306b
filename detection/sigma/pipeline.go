package sigma

import (
	"cmp"
	"errors"
	"slices"
)

// Pipeline is a processing pipeline in the format of pySigma: steps that change
// rules before they are compiled, such as the names of fields. It does not change
// and may be used by several goroutines.
//
// The steps mean what they mean in pySigma, with these differences, which come from
// matching events in place of writing queries: a regex step matches the whole
// value as the string did, wildcards included; a nested pipeline sees the vars and
// the state of the one around it; an attribute that a rule does not have fails a
// rule_attribute condition and not the rule; regular expressions are RE2. Steps
// that need Python, files, commands or a query language are rejected; what only
// changes query texts (postprocessing, finalizers) is ignored with a warning.
type Pipeline struct {
	Name     string
	Priority int      // lower ones are applied first
	Warnings []*Error // parts without effect
	path     string
	vars     map[string][]string
	items    []*pipelineItem
}

// pipelineItem is one step.
type pipelineItem struct {
	path   string
	pos    Pos
	id     string
	ruleIf conditionSet[ruleCondition]
	itemIf conditionSet[itemCondition]
	nameIf conditionSet[nameCondition]
	do     transformation
}

// transformation changes the rule or correlation of a run. The error is a
// [ruleFault] where it knows the place in the rule.
type transformation func(run *pipelineRun, step *pipelineItem) error

// JoinPipelines returns one pipeline that does the steps of all, those of lower
// priority first and else in the order of their paths. Vars of the later ones win.
func JoinPipelines(list ...*Pipeline) *Pipeline {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Pipeline) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.path, b.path))
	})
	all := &Pipeline{vars: map[string][]string{}}
	for _, p := range list {
		for name, values := range p.vars {
			all.vars[name] = values
		}
		all.items = append(all.items, p.items...)
		all.Warnings = append(all.Warnings, p.Warnings...)
	}
	return all
}

// Apply returns changed copies of rules and correlations. What a step makes
// impossible is left out and reported.
func (p *Pipeline) Apply(rules []*Rule, correlations []*Correlation) ([]*Rule, []*Correlation, []*Error) {
	var errs []*Error
	var outRules []*Rule
	var outCorrelations []*Correlation
	byName := map[string]Logsource{}
	for _, r := range rules {
		run := p.newRun()
		run.rule = r.clone()
		if err := run.steps(p.items); err != nil {
			errs = append(errs, run.fault(err))
			continue
		}
		outRules = append(outRules, run.rule)
		byName[r.ID], byName[r.Name] = run.rule.Logsource, run.rule.Logsource
	}
	named := correlationNames(correlations)
	for _, c := range correlations {
		run := p.newRun()
		run.correlation = c.clone()
		run.logsources = logsourcesOf(c, named, byName)
		if err := run.steps(p.items); err != nil {
			errs = append(errs, run.fault(err))
			continue
		}
		outCorrelations = append(outCorrelations, run.correlation)
	}
	return outRules, outCorrelations, errs
}

// correlationNames finds correlations by id and by name, which several may have.
func correlationNames(all []*Correlation) map[string][]*Correlation {
	named := make(map[string][]*Correlation, 2*len(all))
	for _, c := range all {
		named[c.Name] = append(named[c.Name], c)
		if c.ID != c.Name {
			named[c.ID] = append(named[c.ID], c)
		}
	}
	return named
}

// maxLogsources bounds the rules below one correlation whose logsources count.
const maxLogsources = 1 << 10

// logsourcesOf returns the logsources of all rules below a correlation. It enters
// each correlation once, so that references in a circle end, which [Link] reports.
func logsourcesOf(c *Correlation, named map[string][]*Correlation, byName map[string]Logsource) []Logsource {
	var list []Logsource
	entered := map[*Correlation]bool{c: true}
	for open := []*Correlation{c}; len(open) > 0; open = open[1:] {
		for _, ref := range open[0].Rules {
			if l, ok := byName[ref.Name]; ok {
				if list = append(list, l); len(list) == maxLogsources {
					return list
				}
				continue
			}
			for _, inner := range named[ref.Name] {
				if !entered[inner] {
					entered[inner] = true
					open = append(open, inner)
				}
			}
		}
	}
	return list
}

// pipelineRun is the way of one rule or correlation through a pipeline.
type pipelineRun struct {
	vars        map[string][]string
	rule        *Rule        // or
	correlation *Correlation // one of them
	logsources  []Logsource  // of the rules that the correlation refers to

	state   map[string]Value
	applied map[string]bool // ids of steps that were applied to it
	items   map[*Item]map[string]bool
	names   map[string]map[string]bool // ids of steps by the field name that they made
	mapped  map[string]bool            // field names that a mapping took or made
	grown   int                        // what steps have put into it
}

// maxGrown bounds what the steps of a pipeline put into one rule: names, values,
// and each 16 bytes of text.
const maxGrown = 1 << 18

var errGrown = errors.New("rule becomes too large")

// grow counts what a step puts into the rule. It reports false if that is too much;
// the run fails then after the step.
func (run *pipelineRun) grow(text int) bool {
	run.grown += 1 + text/16
	return run.grown <= maxGrown
}

func (p *Pipeline) newRun() *pipelineRun {
	return &pipelineRun{
		vars: p.vars, state: map[string]Value{}, applied: map[string]bool{},
		items: map[*Item]map[string]bool{}, names: map[string]map[string]bool{}, mapped: map[string]bool{},
	}
}

func (run *pipelineRun) header() *Header {
	if run.rule != nil {
		return &run.rule.Header
	}
	return &run.correlation.Header
}

// steps applies the steps whose rule conditions hold.
func (run *pipelineRun) steps(items []*pipelineItem) error {
	for _, step := range items {
		ok, err := step.ruleIf.eval(func(c ruleCondition) (bool, error) { return c(run) })
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := step.do(run, step); err != nil {
			return err
		}
		if run.grown > maxGrown {
			return errGrown
		}
		if step.id != "" {
			run.applied[step.id] = true
		}
	}
	return nil
}

// ruleFault is an error at a place in the rule.
type ruleFault struct {
	pos Pos
	error
}

// fault makes an error of the rule out of one of a step.
func (run *pipelineRun) fault(err error) *Error {
	h := run.header()
	e := &Error{Path: h.Path, Pos: h.Pos, Rule: h.Key(), Reason: "pipeline: " + err.Error()}
	if f := new(ruleFault); errors.As(err, &f) {
		e.Pos = f.pos
	}
	return e
}

// clone copies a rule down to its items.
func (r *Rule) clone() *Rule {
	out := *r
	out.Fields = slices.Clone(r.Fields)
	out.Custom = slices.Clone(r.Custom)
	out.Detections = nil
	for _, d := range r.Detections {
		out.Detections = append(out.Detections, &Detection{Name: d.Name, Pos: d.Pos, Node: d.Node.clone()})
	}
	out.Conditions = slices.Clone(r.Conditions)
	return &out
}

func (n *Node) clone() *Node {
	out := *n
	if n.Item != nil {
		out.Item = n.Item.clone()
	}
	out.Nodes = nil
	for _, c := range n.Nodes {
		out.Nodes = append(out.Nodes, c.clone())
	}
	return &out
}

func (it *Item) clone() *Item {
	out := *it
	out.Modifiers = slices.Clone(it.Modifiers)
	out.Values = slices.Clone(it.Values)
	return &out
}

func (c *Correlation) clone() *Correlation {
	out := *c
	out.Fields = slices.Clone(c.Fields)
	out.Custom = slices.Clone(c.Custom)
	out.GroupBy = slices.Clone(c.GroupBy)
	out.Field = slices.Clone(c.Field)
	out.Aliases = nil
	for _, a := range c.Aliases {
		a.Fields = slices.Clone(a.Fields)
		out.Aliases = append(out.Aliases, a)
	}
	return &out
}
