package sigma

import "iter"

// Hush is a reference of a correlation that takes the matches of its own from a
// document which does not say itself that it gives none.
type Hush struct {
	Correlation *Correlation
	Ref         Ref
	Header      *Header // of the document that is silent
}

// Hushes yields them. Sigma has it so: what a correlation refers to is silent unless
// it says generate, also where another author wrote it.
func (l *Links) Hushes(rules []*Rule) iter.Seq[Hush] {
	return func(yield func(Hush) bool) {
		for _, c := range l.list {
			for n, t := range c.targets {
				h, silent := (*Header)(nil), false
				if t.corr >= 0 {
					h, silent = &l.list[t.corr].rule.Header, l.list[t.corr].silent
				} else {
					h, silent = &rules[t.rule].Header, l.silent[t.rule]
				}
				if silent && !h.BuildingBlock() && !yield(Hush{c.rule, c.rule.Rules[n], h}) {
					return
				}
			}
		}
	}
}

// SilentCorrelation tells the same as [Links.Silent] of a correlation, by its index
// in [Links.Correlations].
func (l *Links) SilentCorrelation(i int) bool { return l.list[i].silent }

// Referred yields what a correlation, by its index in [Links.Correlations], refers
// to: the index of a rule or, where that is -1, that of a correlation.
func (l *Links) Referred(i int) iter.Seq2[int, int] {
	return func(yield func(rule, correlation int) bool) {
		for _, t := range l.list[i].targets {
			rule := int(t.rule)
			if t.corr >= 0 {
				rule = -1
			}
			if !yield(rule, int(t.corr)) {
				return
			}
		}
	}
}
