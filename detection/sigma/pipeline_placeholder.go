package sigma

import (
	"fmt"
	"slices"
)

func init() {
	registerTransformation("value_placeholders", func(p *params) (transformation, *Error) {
		return readPlaceholders(p, func(run *pipelineRun, name string, _ bool) ([]string, error) {
			values, ok := run.vars[name]
			if !ok {
				return nil, fmt.Errorf("placeholder %%%s%% has no values in vars", name)
			}
			return values, nil
		})
	})
	registerTransformation("wildcard_placeholders", func(p *params) (transformation, *Error) {
		return readPlaceholders(p, func(_ *pipelineRun, _ string, regex bool) ([]string, error) {
			if regex {
				return []string{".*"}, nil
			}
			return []string{"*"}, nil
		})
	})
}

// readPlaceholders reads a step that puts values in place of the placeholders of
// expand items: all, those of include, or all but those of exclude.
func readPlaceholders(p *params, values func(run *pipelineRun, name string, regex bool) ([]string, error)) (transformation, *Error) {
	include, err := p.texts("include")
	if err != nil {
		return nil, err
	}
	exclude, err := p.texts("exclude")
	if err != nil {
		return nil, err
	}
	if member(p.list, "include") != nil && member(p.list, "exclude") != nil {
		return nil, p.fail(p.pos, "include and exclude exclude each other")
	}
	handled := func(name string) bool {
		return (member(p.list, "include") == nil || slices.Contains(include, name)) && !slices.Contains(exclude, name)
	}
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			if !it.Has(ModExpand) {
				return nil, nil
			}
			return it.expand(run, func(name string) ([]string, error) {
				if !handled(name) {
					return nil, nil
				}
				return values(run, name, it.Has(ModRe))
			})
		})
	}, nil
}

// expand replaces placeholders by all combinations of their values. Those without
// values stay, and with them the modifier.
func (it *Item) expand(run *pipelineRun, values func(name string) ([]string, error)) (*Node, error) {
	var out []Value
	changed, open := false, false
	for _, v := range it.Values {
		forms := []string{""}
		rest := v.Text
		for v.Kind == ValueString {
			at := placeholderForm.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			before, whole, name := rest[:at[0]], rest[at[0]:at[1]], rest[at[2]:at[3]]
			list, err := values(name)
			if err != nil {
				return nil, &ruleFault{v.Pos, err}
			}
			if list == nil {
				list, open = []string{whole}, true
			} else {
				changed = true
			}
			var next []string
			for _, f := range forms {
				for _, x := range list {
					if !run.grow(len(f) + len(before) + len(x)) {
						return nil, errGrown
					}
					next = append(next, f+before+x)
				}
			}
			forms, rest = next, rest[at[1]:]
		}
		for _, f := range forms {
			if len(f)+len(rest) > maxValue {
				return nil, fmt.Errorf("value grows beyond %d bytes", maxValue)
			}
			v.Text = f + rest
			out = append(out, v)
		}
	}
	if !changed {
		return nil, nil
	}
	it.Values = out
	if !open {
		it.Modifiers = slices.DeleteFunc(it.Modifiers, func(m Modifier) bool { return m == ModExpand })
	}
	return itemNode(it), nil
}
