package verdict

import "bytes"

// maxProbe is the longest value that is looked at as a probe: scanners send
// short ones, and long texts hold everything somewhere.
const maxProbe = 256

// probe looks for what scanners send to see how an application answers: marks
// that end strings of several languages at once, stray quotes, and names of
// parameters that no program gives.
func (f *finder) probe() {
	if len(f.s) > maxProbe || len(f.s) == 0 {
		return
	}
	if f.leaf.place == inName && len(f.s) <= 48 && f.s[0] != '{' && f.s[0] != '[' && f.has("'\"<>(){};|`\\#") {
		f.found.add(probeName)
	}
	if !f.has("'\"`<>\\}])") {
		return
	}
	f.probeRuns()
	f.strayQuote()
}

// probeRuns looks for runs of punctuation that belong to no language: both kinds
// of quotes together, a quote beside a bracket of markup, an end without begin.
func (f *finder) probeRuns() {
	if f.s[0] == '{' || f.s[0] == '[' || f.s[0] == '<' {
		return
	}
	for i := 0; i < len(f.s); {
		j := i
		for j < len(f.s) && byteClass[f.s[j]]&classPunct != 0 {
			j++
		}
		if run := f.s[i:j]; len(run) >= 2 {
			single, double := bytes.IndexByte(run, '\'') >= 0, bytes.IndexByte(run, '"') >= 0
			switch {
			case single && double && len(run) >= 3, (single || double) && bytes.IndexByte(run, '<') >= 0 && bytes.IndexByte(run, '>') < 0,
				bytes.Contains(run, []byte("}}")) && f.counts['{'] == 0, bytes.Contains(run, []byte("]]>")), bytes.Contains(run, []byte("%>")) && f.counts['<'] < 2,
				bytes.Contains(run, []byte(`'\`)), bytes.Contains(run, []byte(`"\`)),
				string(run) == `\\` && i > 0 && j < len(f.s) && f.counts[' '] == 0:
				f.found.add(probeMarks)
			}
		}
		i = j + 1
	}
}

// strayQuote looks for a short value of words that ends in a quote nothing has
// opened, or in a quote and what closes an expression.
func (f *finder) strayQuote() {
	if len(f.s) > 96 || f.leaf.place == inReferer || f.leaf.place == inHeader {
		return
	}
	end := bytes.TrimRight(f.s, ") ;")
	if len(end) < 1 {
		return
	}
	q := end[len(end)-1]
	switch {
	case bytes.HasSuffix(end, []byte("```")): // the fence of a listing
	case (q == '\'' || q == '"' || q == '`') && f.counts[q]%2 == 1, q == '\\':
		f.found.add(quoteStray)
	case len(end) > 2 && (q == '\'' || q == '"') && end[len(end)-2] == q && end[0] != q:
		f.found.add(quoteStray)
	}
}

// bareTag tells whether an element that could run something has neither
// attributes nor content: what stands in passwords and in questions, but does
// nothing.
func (f *finder) bareTag() {
	if f.found[markupActive] != 1 || f.found[markupHandler]+f.found[markupURL]+f.found[scriptSink]+f.found[scriptObject] > 0 {
		return
	}
	i := bytes.IndexByte(f.s, '<')
	if i < 0 {
		return
	}
	n := bytes.IndexByte(f.s[i:], '>')
	if n < 0 || bytes.IndexByte(f.s[i:i+n], '=') >= 0 || bytes.IndexByte(f.s[i:i+n], ' ') > 0 {
		return
	}
	if rest := bytes.TrimSpace(f.s[i+n+1:]); len(rest) == 0 || bytes.IndexByte(rest, '(') < 0 && bytes.IndexByte(rest, '`') < 0 {
		f.found.add(markupBare)
		if secretName(f.leaf.name) {
			f.found.add(markupBare)
		}
	}
}

// secretName tells whether a parameter holds a password, in which any mark may
// stand.
func secretName(name []byte) bool {
	lower := bytes.ToLower(name)
	for _, s := range []string{"pass", "pwd", "secret"} {
		if bytes.Contains(lower, []byte(s)) {
			return true
		}
	}
	return false
}

// document notes text that is written in a markup for people.
func (f *finder) document() {
	if len(f.s) < 48 {
		return
	}
	marks := 0
	for _, s := range []string{"```", "](", "\n# ", "\n## ", "\n- ", "\n* ", "**", "\n|", "</p>", "</li>", "</strong>", "<br", "</h2>", "</td>", "\n//", "\n\t", "\n    ", "\n1. ", "</code>", "</a>"} {
		if bytes.Contains(f.s, []byte(s)) {
			marks++
		}
	}
	for n := 1; n <= marks && n <= 5; n += 2 {
		f.found.add(documentText)
	}
}
