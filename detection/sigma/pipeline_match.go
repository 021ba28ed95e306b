package sigma

import (
	"regexp"
	"slices"
)

// itemConditions has a reader for each condition on an item.
var itemConditions = map[string]func(*params) (itemCondition, *Error){
	"match_string": func(p *params) (itemCondition, *Error) {
		re, err := p.regex("pattern", `\A`)
		if err != nil {
			return nil, err
		}
		negate, err := p.flag("negate")
		if err != nil {
			return nil, err
		}
		return readValueCondition(p, func(v stepValue) bool {
			return (v.kind == stepString && re.MatchString(v.plain())) != negate
		})
	},
	"match_value": func(p *params) (itemCondition, *Error) {
		want, err := p.single("value")
		if err != nil {
			return nil, err
		}
		return readValueCondition(p, want.equal)
	},
	"contains_wildcard": func(p *params) (itemCondition, *Error) {
		return readValueCondition(p, func(v stepValue) bool {
			return v.kind == stepString && slices.ContainsFunc(v.pattern, func(x part) bool { return x.kind != partText })
		})
	},
	"is_null": func(p *params) (itemCondition, *Error) {
		return readValueCondition(p, func(v stepValue) bool { return v.kind == stepNull })
	},
	"processing_item_applied": func(p *params) (itemCondition, *Error) {
		id, err := p.need("processing_item_id")
		return func(run *pipelineRun, it *Item) bool { return run.items[it][id] }, err
	},
	"processing_state": func(p *params) (itemCondition, *Error) {
		holds, err := readState(p)
		return func(run *pipelineRun, _ *Item) bool { return holds(run) }, err
	},
}

// readValueCondition reads whether any or all values must fulfil f.
func readValueCondition(p *params, f func(stepValue) bool) (itemCondition, *Error) {
	if _, err := p.need("cond"); err != nil {
		return nil, err
	}
	cond, err := p.oneOf("cond", "any", "all")
	return func(_ *pipelineRun, it *Item) bool {
		values := it.view()
		if cond == "any" {
			return slices.ContainsFunc(values, f)
		}
		return !slices.ContainsFunc(values, func(v stepValue) bool { return !f(v) })
	}, err
}

// nameConditions has a reader for each condition on the name of a field.
var nameConditions = map[string]func(*params) (nameCondition, *Error){
	"include_fields": func(p *params) (nameCondition, *Error) {
		in, err := readFieldNames(p)
		return nameCondition{name: func(_ *pipelineRun, field string) bool { return in(field) }}, err
	},
	"exclude_fields": func(p *params) (nameCondition, *Error) {
		in, err := readFieldNames(p)
		return nameCondition{name: func(_ *pipelineRun, field string) bool { return !in(field) }}, err
	},
	"processing_item_applied": func(p *params) (nameCondition, *Error) {
		id, err := p.need("processing_item_id")
		return nameCondition{
			name: func(run *pipelineRun, field string) bool { return field != "" && run.names[field][id] },
			item: func(run *pipelineRun, it *Item) bool { return run.items[it][id] },
		}, err
	},
	"processing_state": func(p *params) (nameCondition, *Error) {
		holds, err := readState(p)
		return nameCondition{name: func(run *pipelineRun, _ string) bool { return holds(run) }}, err
	},
}

// readFieldNames reads names or, in mode re, expressions for their beginning.
func readFieldNames(p *params) (func(string) bool, *Error) {
	if p.get("fields") == nil {
		return nil, p.fail(p.pos, "fields is missing")
	}
	refs, err := p.refs(p.get("fields"), "fields")
	if err != nil {
		return nil, err
	}
	mode, err := p.oneOf("mode", "plain", "re")
	if err != nil {
		return nil, err
	}
	if mode == "plain" {
		return func(field string) bool {
			return field != "" && slices.ContainsFunc(refs, func(r Ref) bool { return r.Name == field })
		}, nil
	}
	var list []*regexp.Regexp
	for _, ref := range refs {
		re, err := p.compile(ref.Name, `\A`, ref.Pos)
		if err != nil {
			return nil, err
		}
		list = append(list, re)
	}
	return func(field string) bool {
		return field != "" && slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(field) })
	}, nil
}
