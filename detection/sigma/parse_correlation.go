package sigma

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// correlation reads the correlation section.
func (r *reader) correlation(c *Correlation, top []pair) *Error {
	p := member(top, "correlation")
	members, err := r.pairs(p.value, "correlation")
	if err != nil {
		return err
	}
	if g := member(top, "generate"); g != nil { // where version 2.0 had it
		if c.Generate, err = r.boolean(g.value, "generate"); err != nil {
			return err
		}
	}
	var condition *yaml.Node
	for _, m := range members {
		switch m.key {
		case "type":
			err = r.correlationType(c, m.value)
		case "rules":
			c.Rules, err = r.refs(m.value, "correlation rules")
		case "group-by":
			c.GroupBy, err = r.texts(m.value, "group-by")
		case "timespan":
			err = r.timespan(c, m.value)
		case "aliases":
			err = r.aliases(c, m.value)
		case "generate":
			c.Generate, err = r.boolean(m.value, "generate")
		case "condition":
			condition, c.condition = m.value, m.keyPos
		default:
			err = r.fail(m.keyPos, "unknown member %q of a correlation", m.key)
		}
		if err != nil {
			return err
		}
	}
	if condition != nil {
		if err := r.correlationCondition(c, condition); err != nil {
			return err
		}
	}
	return r.checkCorrelation(c, p.keyPos)
}

func (r *reader) correlationType(c *Correlation, n *yaml.Node) *Error {
	s, err := r.text(n, "correlation type")
	if err != nil {
		return err
	}
	switch c.Type = CorrelationType(s); c.Type {
	case EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian:
		return nil
	}
	return r.fail(posOf(n), "unknown correlation type %q", s)
}

var timespanUnits = map[byte]int64{
	's': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800, 'M': 2629746, 'y': 31556952,
}

// timespan reads a count with a unit: s, m, h, d, w, M (a month of 30.44 days) or
// y (365.24 days).
func (r *reader) timespan(c *Correlation, n *yaml.Node) *Error {
	s, err := r.text(n, "timespan")
	if err != nil {
		return err
	}
	if s != "" {
		unit := timespanUnits[s[len(s)-1]]
		count, perr := strconv.ParseInt(s[:len(s)-1], 10, 64)
		if unit > 0 && perr == nil && count > 0 && count <= math.MaxInt64/unit/1_000_000_000 {
			c.Timespan = count * unit
			return nil
		}
	}
	return r.fail(posOf(n), "timespan %q is no count with a unit of s, m, h, d, w, M or y", s)
}

func (r *reader) aliases(c *Correlation, n *yaml.Node) *Error {
	members, err := r.pairs(n, "aliases")
	if err != nil {
		return err
	}
	for _, m := range members {
		fields, err := r.pairs(m.value, "alias")
		if err != nil {
			return err
		}
		a := Alias{Name: m.key, Pos: m.keyPos}
		for _, f := range fields {
			s, err := r.text(f.value, "field of an alias")
			if err != nil {
				return err
			}
			a.Fields = append(a.Fields, AliasField{Rule: f.key, Field: s})
		}
		c.Aliases = append(c.Aliases, a)
	}
	return nil
}

// correlationCondition reads comparisons, or an expression over rules.
func (r *reader) correlationCondition(c *Correlation, n *yaml.Node) *Error {
	if n.Kind == yaml.ScalarNode {
		cond, err := r.condition(n)
		if err != nil {
			return err
		}
		c.Extended = cond
		return r.ruleRefs(c, cond.Expr)
	}
	members, err := r.pairs(n, "correlation condition")
	if err != nil {
		return err
	}
	for _, m := range members {
		switch m.key {
		case "field":
			c.Field, err = r.texts(m.value, "condition field")
		case "percentile":
			c.Percentile, err = r.float(m.value, "percentile")
			if err == nil && (c.Percentile < 0 || c.Percentile > 100) {
				err = r.fail(posOf(m.value), "percentile must be between 0 and 100")
			}
		default:
			err = r.bound(c, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ruleRefs checks an expression over rules and, where the correlation lists no
// rules, takes them from it.
func (r *reader) ruleRefs(c *Correlation, e *Expr) *Error {
	if e.Op == ExprOf {
		return r.fail(e.Pos, "quantifiers are for detections; name the rules")
	}
	if e.Op == ExprRef {
		for _, f := range c.Rules {
			if f.Name == e.Name {
				return nil
			}
		}
		c.Rules = append(c.Rules, Ref{e.Name, e.Pos})
	}
	for _, a := range e.Args {
		if err := r.ruleRefs(c, a); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) bound(c *Correlation, m pair) *Error {
	for op, name := range compareNames {
		if name == m.key {
			f, err := r.float(m.value, name)
			if err != nil {
				return err
			}
			c.Bounds = append(c.Bounds, Bound{CompareOp(op), f})
			return nil
		}
	}
	return r.fail(m.keyPos, "unknown comparison %q; known are %s", m.key, strings.Join(compareNames[:], ", "))
}

func (r *reader) float(n *yaml.Node, what string) (float64, *Error) {
	s, err := r.text(n, what)
	if err != nil {
		return 0, err
	}
	f, perr := strconv.ParseFloat(s, 64)
	if perr != nil || f-f != 0 {
		return 0, r.fail(posOf(n), "%s must be a number, not %q", what, s)
	}
	return f, nil
}

// checkCorrelation checks what only all members together show.
func (r *reader) checkCorrelation(c *Correlation, at Pos) *Error {
	temporal := c.Type == Temporal || c.Type == TemporalOrdered
	switch {
	case c.Type == "":
		return r.fail(at, "correlation has no type")
	case len(c.Rules) == 0:
		return r.fail(at, "correlation names no rules")
	case c.Timespan == 0:
		return r.fail(at, "correlation has no timespan")
	case c.Extended != nil && !temporal:
		return r.fail(c.Extended.Pos, "only temporal correlations have an expression as condition")
	case len(c.Bounds) == 0 && !temporal:
		return r.fail(at, "correlation of type %s needs a condition", c.Type)
	case len(c.Field) == 0 && !temporal && c.Type != EventCount:
		return r.fail(at, "correlation of type %s needs a field in its condition", c.Type)
	case len(c.Field) > 1 && c.Type != ValueCount:
		return r.fail(at, "only value_count takes several fields")
	case len(c.Field) > 0 && (temporal || c.Type == EventCount):
		return r.fail(at, "correlation of type %s takes no field", c.Type)
	}
	return nil
}
