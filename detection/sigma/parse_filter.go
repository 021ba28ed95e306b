package sigma

import "strings"

// filter reads the filter section.
func (r *reader) filter(f *Filter, top []pair) *Error {
	if _, _, err := r.logsource(top, &f.Logsource); err != nil {
		return r.placed(err, f.Pos)
	}
	p := member(top, "filter")
	members, err := r.pairs(p.value, "filter")
	if err != nil {
		return err
	}
	var condition, rules *pair
	for i, m := range members {
		switch m.key {
		case "condition":
			condition = &members[i]
		case "rules":
			rules = &members[i]
		default:
			d, err := r.detection(m)
			if err != nil {
				return err
			}
			f.Detections = append(f.Detections, d)
		}
	}
	if rules == nil {
		return r.fail(p.keyPos, "filter does not say for which rules it is; any stands for all of its logsource")
	}
	if f.Rules, err = r.refs(rules.value, "filter rules"); err != nil {
		return err
	}
	if len(f.Rules) == 0 || len(f.Rules) == 1 && strings.EqualFold(f.Rules[0].Name, "any") {
		f.Any, f.Rules = true, nil
	}
	if condition == nil {
		return r.fail(p.keyPos, "filter has no condition")
	}
	if f.Condition, err = r.condition(condition.value); err != nil {
		return err
	}
	return r.resolve(f.Condition.Expr, f.Detections)
}
