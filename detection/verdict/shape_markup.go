package verdict

// markup looks for HTML that runs something, told apart from formatting.
func (f *finder) markup() {
	if f.has("<") {
		for i := range f.t {
			if f.t[i].is('<') {
				f.tag(i)
			}
		}
	}
	if f.has("=") {
		f.handlers()
	}
	for _, scheme := range []string{"javascript:", "vbscript:", "data:text/html", "livescript:", "srcdoc=", "data:image/svg", "mocha:"} {
		if f.contains(scheme) {
			f.found.add(markupURL)
		}
	}
	if f.has(">\"'") && len(f.s) < 4096 {
		for i := 0; i+1 < len(f.t); i++ {
			if t := &f.t[i]; t.kind == kQuote && (f.at(i+1).is('>') && f.at(i+2).is('<') || f.at(i+1).is('/') && f.at(i+2).is('>')) && (i < 3 || f.t[0].is(t.char)) {
				f.found.add(markupBreakout)
			}
		}
	}
}

// tag looks at the element that opens at i.
func (f *finder) tag(i int) {
	j := i + 1
	for n := 0; n < 3 && (f.at(j).is('/') || f.at(j).kind == kControl || f.at(j).is('<')); n++ {
		j++
	}
	t := f.at(j)
	if t.kind != kWord || t.spaced && !t.mixed && t.vocab&htmlActive == 0 {
		return
	}
	switch {
	case t.vocab&htmlActive != 0 || t.mixed && t.vocab&htmlTag != 0:
		f.found.add(markupActive)
		if t.mixed {
			f.found.add(mixedCase)
		}
	case t.vocab&htmlTag != 0:
		f.found.add(markupPlain)
	}
}

// handlers looks for attributes whose value is script.
func (f *finder) handlers() {
	for i := range f.t {
		t := &f.t[i]
		if t.kind != kWord || t.end-t.start < 5 || t.end-t.start > 28 || f.s[t.start]|0x20 != 'o' || f.s[t.start+1]|0x20 != 'n' {
			continue
		}
		j := i + 1
		for n := 0; n < 3 && (f.at(j).kind == kControl || f.at(j).kind == kNewline) && j < len(f.t); n++ {
			j++
		}
		if !f.at(j).is('=') || f.at(j+1).is('=') {
			continue
		}
		p := f.at(i - 1)
		if i == 0 || t.spaced || p.is('/') || p.kind == kQuote || p.kind == kControl || p.kind == kNewline {
			f.found.add(markupHandler)
			if p.kind == kQuote || p.is('/') || f.at(j+1).kind == kWord && f.at(j+1).vocab&(jsSink|jsObject) != 0 {
				f.found.add(markupHandler)
			}
		}
	}
}

// script looks for JavaScript that an attacker would run.
func (f *finder) script() {
	for i := range f.t {
		t := &f.t[i]
		if t.kind != kWord {
			continue
		}
		next := f.at(i + 1)
		if t.vocab&jsSink != 0 && (next.is('(') || next.is('`') || next.is('?') && f.at(i+2).is('.')) {
			f.found.add(scriptSink)
		}
		if t.vocab&jsObject != 0 && (next.is('.') || next.is('[')) && (f.at(i+2).vocab&(jsObject|jsSink) != 0 || f.at(i+3).vocab&(jsObject|jsSink) != 0) {
			f.found.add(scriptObject)
		}
		if t.isWord(f.s, "__proto__") || t.isWord(f.s, "prototype") && f.at(i-2).isWord(f.s, "constructor") {
			f.found.add(prototypeName)
		}
	}
	if f.contains("[][") || f.contains("(!![]") || f.contains("![]+") || f.contains("\\u00") || f.contains("fromcharcode") {
		f.found.add(scriptObfuscated)
	}
}
