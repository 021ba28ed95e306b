package sigma

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// Digest stands for all that decides when a rule matches or a correlation holds.
type Digest [sha256.Size]byte

// Digests returns the digests of the rules, by their index, and of the correlations
// in their order in [Links.Correlations]. What filters and pipelines made of a rule
// counts, and with a correlation all rules that it refers to.
func (s *Ruleset) Digests() (rules, correlations []Digest) {
	var b []byte
	for _, r := range s.Engine.rules {
		b = r.rule.appendTests(b[:0])
		rules = append(rules, sha256.Sum256(b))
	}
	for _, l := range s.Links.list {
		b = binary.LittleEndian.AppendUint64(b[:0], l.fingerprint())
		for _, t := range l.targets {
			if t.corr >= 0 {
				b = append(b, correlations[t.corr][:]...)
			} else {
				b = append(b, rules[t.rule][:]...)
			}
		}
		correlations = append(correlations, sha256.Sum256(b))
	}
	return rules, correlations
}

// appendTests writes what a rule tests, so that no two different rules are alike.
func (r *Rule) appendTests(b []byte) []byte {
	for _, s := range []string{r.Logsource.Category, r.Logsource.Product, r.Logsource.Service} {
		b = strconv.AppendQuote(b, s)
	}
	for _, d := range r.Detections {
		b = strconv.AppendQuote(append(b, "\nd"...), d.Name)
		b = d.Node.appendTests(b)
	}
	for _, c := range r.Conditions {
		b = c.Expr.appendTests(append(b, "\nc"...))
	}
	return b
}

func (n *Node) appendTests(b []byte) []byte {
	if n.Op == OpItem {
		b = strconv.AppendQuote(append(b, 'i'), n.Item.Field)
		for _, m := range n.Item.Modifiers {
			b = strconv.AppendQuote(append(b, '|'), m.String())
		}
		for _, v := range n.Item.Values {
			b = strconv.AppendUint(append(b, '='), uint64(v.Kind), 10)
			b = strconv.AppendQuote(b, v.Text)
		}
		return b
	}
	b = strconv.AppendUint(append(b, '('), uint64(n.Op), 10)
	for _, x := range n.Nodes {
		b = x.appendTests(b)
	}
	return append(b, ')')
}

func (x *Expr) appendTests(b []byte) []byte {
	b = strconv.AppendUint(append(b, '('), uint64(x.Op), 10)
	b = strconv.AppendInt(append(b, ' '), int64(x.Count), 10)
	b = strconv.AppendQuote(b, x.Name)
	for _, a := range x.Args {
		b = a.appendTests(b)
	}
	return append(b, ')')
}
