package sigma

// BuildingBlockField is the custom field of a rule or correlation that is there for
// correlations alone. Where it is true the document gives no matches of its own,
// whichever correlations refer to it and whether they say generate.
const BuildingBlockField = "x-building-block"

// BuildingBlock tells whether a document says that it gives no matches of its own,
// or whoever loaded it does.
func (h *Header) BuildingBlock() bool {
	yes := h.Hushed
	n := h.CustomField(BuildingBlockField)
	if n != nil && n.Decode(&yes) != nil {
		return h.Hushed
	}
	return yes || h.Hushed
}

// hush silences building blocks.
func (l *Links) hush(rules []*Rule) {
	for i, r := range rules {
		if r.BuildingBlock() {
			l.silent[i] = true
		}
	}
	for _, c := range l.list {
		if c.rule.BuildingBlock() {
			c.silent = true
		}
	}
}
