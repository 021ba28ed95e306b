package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

func init() {
	registerTransformation("hashes_fields", readHashesFields)
	registerTransformation("extract_fields", readExtractFields)
}

// readHashesFields reads a step that splits values such as SHA1=… into one field
// for each algorithm.
func readHashesFields(p *params) (transformation, *Error) {
	if _, err := p.textsOf("valid_hash_algos"); err != nil {
		return nil, err
	}
	known, _ := p.texts("valid_hash_algos")
	prefix, err := p.text("field_prefix", "")
	if err != nil {
		return nil, err
	}
	drop, err := p.flag("drop_algo_prefix")
	if err != nil {
		return nil, err
	}
	fields, err := p.texts("field_to_parse")
	if fields == nil {
		fields = []string{"Hashes", "Hash"}
	}
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			values := it.view()
			if !slices.Contains(fields, it.Field) || slices.ContainsFunc(values, func(v stepValue) bool { return v.kind != stepString }) {
				return nil, nil
			}
			or := &Node{Op: OpOr, Pos: it.Pos}
			for _, v := range values {
				algo, hash := splitHash(v.plain())
				if !slices.Contains(known, algo) {
					continue
				}
				name := prefix
				if !drop {
					name += algo
				}
				or.addValue(name, Value{Kind: ValueString, Text: textPattern(hash).String(), Pos: v.pos})
			}
			if len(or.Nodes) == 0 {
				return nil, fmt.Errorf("no hash of %s in field %s", strings.Join(known, ", "), it.Field)
			}
			return or, nil
		})
	}, err
}

// textsOf reads a list that must be there.
func (p *params) textsOf(key string) ([]string, *Error) {
	list, err := p.texts(key)
	if err == nil && len(list) == 0 {
		err = p.fail(p.pos, "%s is missing", key)
	}
	return list, err
}

// addValue adds a value to the item of a field, or that item.
func (n *Node) addValue(field string, v Value) {
	for _, c := range n.Nodes {
		if c.Item.Field == field {
			c.Item.Values = append(c.Item.Values, v)
			return
		}
	}
	n.Nodes = append(n.Nodes, itemNode(&Item{Field: field, Pos: v.Pos, Values: []Value{v}}))
}

// splitHash takes ALGO=hash or ALGO|hash apart; a hash alone shows its algorithm by
// its length.
func splitHash(s string) (algo, hash string) {
	sep := "="
	if strings.Contains(s, "|") {
		sep = "|"
	}
	if parts := strings.Split(s, sep); len(parts) == 2 {
		return strings.ToUpper(strings.TrimLeft(parts[0], "*")), strings.Trim(parts[1], "*?")
	}
	hash = strings.Trim(s, "*?")
	return map[int]string{32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}[len(hash)], hash
}

// readExtractFields reads a step that makes a field of each named group of a
// regular expression.
func readExtractFields(p *params) (transformation, *Error) {
	re, err := p.regex("regex", `\A`)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(re.SubexpNames(), func(s string) bool { return s != "" }) {
		return nil, p.fail(p.at("regex"), "regular expression has no named group")
	}
	prefix, err := p.text("field_prefix", "")
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix += "."
	}
	keep, err := p.flag("preserve_unmatched")
	return func(run *pipelineRun, step *pipelineItem) error {
		return run.rewrite(step, func(it *Item) (*Node, error) {
			values := it.view()
			if slices.ContainsFunc(values, func(v stepValue) bool { return v.kind != stepString }) {
				return nil, nil
			}
			all := &Node{Op: OpOr, Pos: it.Pos}
			if it.Has(ModAll) {
				all.Op = OpAnd
			}
			for _, v := range values {
				if n := extract(re, prefix, v); n != nil {
					all.Nodes = append(all.Nodes, n)
				} else if keep {
					all.Nodes = append(all.Nodes, (&Item{Field: it.Field, Pos: it.Pos}).withValues([]stepValue{v}))
				}
			}
			if len(all.Nodes) == 0 {
				return nil, nil
			}
			return all, nil
		})
	}, err
}

// extract returns the fields that a value has, nil if it does not match.
func extract(re *regexp.Regexp, prefix string, v stepValue) *Node {
	m := re.FindStringSubmatch(v.plain())
	if m == nil {
		return nil
	}
	and := &Node{Op: OpAnd, Pos: v.pos}
	for i, name := range re.SubexpNames() {
		if name == "" || m[i] == "" {
			continue
		}
		value := Value{Kind: ValueString, Text: textPattern(m[i]).String(), Pos: v.pos}
		if l := strings.ToLower(m[i]); l == "null" || l == "none" {
			value = Value{Kind: ValueNull, Pos: v.pos}
		} else if n, ok := canonicalNumber(m[i]); ok && (m[i] == "0" || m[i][0] != '0') {
			value = Value{Kind: ValueNumber, Text: n, Pos: v.pos}
		}
		and.Nodes = append(and.Nodes, itemNode(&Item{Field: prefix + name, Pos: v.pos, Values: []Value{value}}))
	}
	if len(and.Nodes) == 0 {
		return nil
	}
	return and
}
