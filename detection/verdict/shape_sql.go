package verdict

// sql looks for the grammar of SQL injections: strings that are left, clauses
// that are appended, conditions that hold always, statements cut off.
func (f *finder) sql() {
	keywords, words := 0, 0
	for i := range f.t {
		t := &f.t[i]
		if t.kind != kWord {
			f.sqlMark(i, t)
			continue
		}
		words++
		if t.vocab&(sqlVerb|sqlClause|sqlLogic|sqlFunc|sqlDelay|sqlMeta) == 0 {
			continue
		}
		keywords++
		if t.mixed {
			f.found.add(mixedCase)
		}
		f.sqlWord(i, t)
	}
	if keywords >= 3 && keywords*3 >= words {
		f.found.add(sqlDense)
		if keywords*2 >= words {
			f.found.add(sqlDense)
		}
	}
	if f.has("'\"") && (f.counts['\'']%2 == 1 || f.counts['"']%2 == 1) && len(f.s) < 512 {
		f.found.add(sqlOddQuotes)
	}
	f.sqlEnd()
	f.sqlStatement()
}

// sqlStatement tells whether a value is a statement from its beginning on, and
// not what is put into another one.
func (f *finder) sqlStatement() {
	t := f.at(0)
	if t.vocab&sqlVerb == 0 || len(f.t) < 4 || f.at(1).is('(') || f.at(1).is('=') || f.at(1).kind == kComment {
		return
	}
	if f.found[sqlBreakout]+f.found[sqlTail]+f.found[sqlTautology]+f.found[sqlDelayCall]+f.found[sqlStacked]+f.found[sqlMetadata]+f.found[sqlUnion]+f.found[mixedCase] > 0 {
		return
	}
	for i := 1; i < min(len(f.t), 40); i++ {
		if f.t[i].vocab&sqlClause != 0 {
			f.found.add(sqlWhole)
			return
		}
	}
}

func (f *finder) sqlWord(i int, t *token) {
	next := f.at(i + 1)
	switch {
	case t.isWord(f.s, "union"):
		j := i + 1
		for f.at(j).is('(') || f.at(j).kind == kComment || f.at(j).isWord(f.s, "all") || f.at(j).isWord(f.s, "distinct") || f.at(j).kind == kNewline {
			j++
		}
		if f.at(j).isWord(f.s, "select") || f.at(j).isWord(f.s, "values") {
			f.found.add(sqlUnion)
		}
	case t.isWord(f.s, "select"):
		f.sqlSelect(i)
	case t.vocab&sqlLogic != 0 && (t.isWord(f.s, "or") || t.isWord(f.s, "and") || t.isWord(f.s, "xor") || t.isWord(f.s, "having") || t.isWord(f.s, "not")):
		f.sqlCondition(i + 1)
	case t.isWord(f.s, "waitfor") && next.isWord(f.s, "delay"):
		f.found.add(sqlDelayCall)
	case (t.isWord(f.s, "order") || t.isWord(f.s, "group")) && next.isWord(f.s, "by") && (f.at(i+2).kind == kNumber || f.at(i+2).is('(')),
		(t.isWord(f.s, "having") || t.isWord(f.s, "limit")) && next.kind == kNumber,
		t.isWord(f.s, "into") && (next.isWord(f.s, "outfile") || next.isWord(f.s, "dumpfile")),
		t.isWord(f.s, "procedure") && next.isWord(f.s, "analyse"):
		f.found.add(sqlOrderBy)
	}
	if t.vocab&sqlMeta != 0 && (f.at(i-1).is('.') || next.is('.') || f.at(i-1).vocab&sqlClause != 0) {
		f.found.add(sqlMetadata)
	}
	if f.call(i) || next.kind == kComment && f.at(i+2).is('(') {
		if t.vocab&sqlDelay != 0 {
			f.found.add(sqlDelayCall)
		} else if t.vocab&sqlFunc != 0 {
			f.found.add(sqlCall)
		}
	}
}

// sqlSelect looks for a list of columns and a FROM. In prose other words stand
// between them.
func (f *finder) sqlSelect(i int) {
	if f.at(i - 1).is('(') {
		f.found.add(sqlSubquery)
	}
	plain := 0
	for j := i + 1; j < min(len(f.t), i+60); j++ {
		t := &f.t[j]
		switch {
		case t.isWord(f.s, "from"):
			if plain <= 1 {
				f.found.add(sqlSelect)
			}
			return
		case t.is('*') || t.is(',') || t.is('(') || t.kind == kNumber || t.vocab&(sqlFunc|sqlMeta) != 0:
			plain = max(plain-1, 0)
		case t.kind == kWord:
			if plain++; plain > 3 {
				return
			}
		}
	}
	if j := f.at(i + 1); j.kind == kNumber || j.is('*') || j.is('@') || j.vocab&(sqlFunc|sqlDelay) != 0 && f.call(i+1) {
		f.found.add(sqlSelect)
	}
}

// operand reads a constant, a name or a call and returns the place behind it.
func (f *finder) operand(i int) (next int, constant, ok bool) {
	for n := 0; n < 8 && (f.at(i).is('(') || f.at(i).is('-') || f.at(i).is('+') || f.at(i).is('~') || f.at(i).is('!') || f.at(i).kind == kComment || f.at(i).isWord(f.s, "not") || f.at(i).isWord(f.s, "binary")); n++ {
		i++
	}
	t := f.at(i)
	switch {
	case t.kind == kNumber || t.kind == kHex:
		return i + 1, true, true
	case t.kind == kQuote:
		for j := i + 1; j < min(len(f.t), i+12); j++ {
			if f.t[j].is(t.char) {
				return j + 1, true, true
			}
		}
		return i + 2, true, i+1 < len(f.t) // the string is closed by the statement it is put into
	case t.kind == kWord && t.vocab&(sqlVerb|sqlClause) == 0:
		i++
		if f.at(i).is('(') {
			depth := 0
			for j := i; j < min(len(f.t), i+24); j++ {
				if f.t[j].is('(') {
					depth++
				} else if f.t[j].is(')') {
					if depth--; depth == 0 {
						return j + 1, true, true
					}
				}
			}
			return i + 1, true, true
		}
		return i, t.isWord(f.s, "true") || t.isWord(f.s, "null"), true
	}
	return i, false, false
}

// sqlCondition looks for a comparison between constants.
func (f *finder) sqlCondition(i int) {
	next, left, ok := f.operand(i)
	if !ok {
		return
	}
	for f.at(next).is(')') || f.at(next).kind == kComment {
		next++
	}
	op := f.at(next)
	compares := op.is('=') || op.is('<') || op.is('>') || op.is('!') && f.at(next+1).is('=') ||
		op.isWord(f.s, "like") || op.isWord(f.s, "is") || op.isWord(f.s, "in") || op.isWord(f.s, "between") || op.isWord(f.s, "rlike") || op.isWord(f.s, "regexp")
	if !compares {
		if left && next >= len(f.t) && i > 1 { // or 1
			f.found.add(sqlTautology)
		}
		return
	}
	next++
	for f.at(next).is('=') || f.at(next).is('>') || f.at(next).is('<') {
		next++
	}
	if _, right, ok := f.operand(next); ok && left && right {
		f.found.add(sqlTautology)
		if f.at(i-2).kind == kQuote || f.at(i-2).kind == kNumber || f.at(i-2).is(')') {
			f.found.add(sqlTautology)
		}
	}
}

// sqlMark looks at quotes, separators, comments and operators.
func (f *finder) sqlMark(i int, t *token) {
	next := f.at(i + 1)
	switch {
	case t.kind == kHex && t.end-t.start >= 8:
		f.found.add(sqlHexText)
	case t.kind == kComment && i > 0 && i+1 < len(f.t) && f.at(i-1).kind <= kHex && next.kind <= kHex:
		f.found.add(sqlGlue)
	case t.is('\'') || t.is('"') || t.kind == kNumber && i == 0:
		f.sqlBreak(i, t)
	case t.is(';') && next.kind == kWord && next.vocab&(sqlVerb|sqlDelay) != 0:
		f.found.add(sqlStacked)
	case t.is('|') && next.is('|'):
		f.sqlPipes(i)
	case t.is('&') && next.is('&') && (f.at(i+2).kind == kNumber || f.at(i+2).kind == kQuote):
		f.sqlCondition(i + 2)
	}
}

func (f *finder) sqlPipes(i int) {
	if f.at(i-1).kind == kQuote || f.at(i+2).kind == kQuote {
		f.found.add(sqlConcat)
	}
	if f.at(i+2).vocab&(sqlFunc|sqlDelay) != 0 && f.call(i+2) || f.at(i+2).is('(') && f.at(i+3).isWord(f.s, "select") {
		f.found.add(sqlConcat)
	}
	f.sqlCondition(i + 2)
}

// sqlBreak looks for a string or number that ends and goes on as SQL.
func (f *finder) sqlBreak(i int, t *token) {
	if t.kind == kQuote && i > 0 && t.start > 0 && byteClass[f.s[t.start-1]]&classAlpha != 0 && f.at(i+1).kind == kWord && !f.at(i+1).spaced && f.at(i+1).end-f.at(i+1).start <= 2 {
		return // don't, it's
	}
	j := i + 1
	for f.at(j).is(')') || f.at(j).kind == kComment {
		j++
	}
	n := f.at(j)
	switch {
	case n.vocab&sqlLogic != 0 && (n.spaced || n.mixed || f.at(j-1).kind != kQuote):
		if _, _, ok := f.operand(j + 1); ok {
			f.found.add(sqlBreakout)
		}
	case n.isWord(f.s, "union") || n.isWord(f.s, "having") || n.isWord(f.s, "waitfor") || n.isWord(f.s, "order") && f.at(j+1).isWord(f.s, "by"):
		f.found.add(sqlBreakout)
	case n.is(';') && t.kind == kQuote && (f.at(j+1).vocab&(sqlVerb|sqlDelay) != 0 || f.at(j+1).is('-') || j+1 >= len(f.t)),
		n.is('-') && f.at(j+1).is('-') && !f.at(j+2).is('>'),
		n.is('#') && j+1 >= len(f.t), n.is('|') && f.at(j+1).is('|') && t.kind == kQuote:
		f.found.add(sqlBreakout)
	}
}

// sqlEnd looks at how the value ends: a comment that cuts off the rest.
func (f *finder) sqlEnd() {
	n := len(f.t)
	if n < 2 || n > 400 {
		return
	}
	last, before := f.at(n-1), f.at(n-2)
	for n > 3 && (last.is('-') && last.spaced || last.is('+') || last.kind == kWord && last.end-last.start <= 4 && before.is('-')) { // "-- x"
		n--
		last, before = f.at(n-1), f.at(n-2)
	}
	cut := last.is('-') && before.is('-') && !last.spaced || last.is('#') || last.kind == kComment && last.end-last.start == 2 || last.is(0)
	if cut && (f.has("'\"()=;") || f.found[sqlTautology]+f.found[sqlUnion] > 0) {
		f.found.add(sqlTail)
	}
}
