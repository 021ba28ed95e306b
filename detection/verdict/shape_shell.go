package verdict

import (
	"bytes"
	"strings"
)

// shell looks for commands that are appended, substituted or hidden.
func (f *finder) shell() {
	for i := range f.t {
		t := &f.t[i]
		switch {
		case t.kind == kWord && t.vocab&(shCommand|shInterpreter) != 0:
			f.shellWord(i, t)
		case t.is(';') || t.is('|') || t.is('&') || t.kind == kNewline:
			f.shellSeparator(i)
		case t.is('$') && f.at(i+1).is('(') || t.is('`'):
			f.shellSubstitute(i)
		case t.is('$') && (f.at(i+1).is('{') && f.at(i+2).isWord(f.s, "ifs") || f.at(i+1).isWord(f.s, "ifs") || f.at(i+1).is('@')):
			f.found.add(shellSplit)
		case t.is('<') || t.is('>'):
			f.shellRedirect(i)
		}
	}
	f.shellHidden()
}

// command tells whether a command stands at i, behind directories if need be.
func (f *finder) command(i int) (end int, ok bool) {
	if f.at(i).is('"') || f.at(i).is('\'') || f.at(i).is('(') || f.at(i).is('{') || f.at(i).is('@') {
		i++
	}
	for n := 0; n < 5 && (f.at(i).is('/') || f.at(i).is('.') || f.at(i).isWord(f.s, "bin") || f.at(i).isWord(f.s, "usr") || f.at(i).isWord(f.s, "sbin") || f.at(i).isWord(f.s, "local")); n++ {
		i++
	}
	t := f.at(i)
	return i + 1, t.kind == kWord && t.vocab&(shCommand|shInterpreter) != 0
}

// ends tells whether what follows a command fits one: the end, an argument or
// another separator.
func (f *finder) ends(i int) bool {
	t := f.at(i)
	return i >= len(f.t) || t.spaced || t.kind == kPunct && (t.char == ';' || t.char == '|' || t.char == '&' || t.char == '>' || t.char == '<' || t.char == ')' || t.char == '$' || t.char == '#' || t.char == '%' || t.char == '.') || t.kind == kQuote || t.kind == kNewline
}

func (f *finder) shellSeparator(i int) {
	t := f.at(i)
	j := i + 1
	for n := 0; n < 3 && (f.at(j).is('|') || f.at(j).is('&') || f.at(j).is(';')); n++ {
		j++
	}
	if t.kind == kNewline && (f.leaf.place == inBody || f.counts['\n'] > 2) { // lines of code and prose
		return
	}
	if end, ok := f.command(j); ok && f.ends(end) {
		f.found.add(shellChain)
	}
}

func (f *finder) shellSubstitute(i int) {
	t := f.at(i)
	if t.is('`') && (f.at(i+1).is('`') || f.at(i-1).is('`')) { // the fence of a listing
		return
	}
	begin := i + 1
	if t.is('$') {
		begin++
	}
	if end, ok := f.command(begin); ok && f.ends(end) || f.at(begin).is('`') {
		closed := false
		for j := begin; j < min(len(f.t), begin+40); j++ {
			if f.t[j].is('`') || f.t[j].is(')') {
				closed = true
			}
		}
		if closed && ok {
			f.found.add(shellSubstitution)
		}
	}
}

func (f *finder) shellRedirect(i int) {
	next := f.at(i + 1)
	switch {
	case next.is('(') && f.at(i).is('<'):
		if _, ok := f.command(i + 2); ok {
			f.found.add(shellSubstitution)
		}
	case next.is('&') && f.at(i+2).kind == kNumber,
		next.is('/') && (f.at(i+2).isWord(f.s, "dev") || f.at(i+2).isWord(f.s, "tmp") || f.at(i+2).isWord(f.s, "etc") || f.at(i+2).isWord(f.s, "var")),
		next.is('<') && f.at(i+2).is('<'):
		f.found.add(shellRedirect)
	}
}

// shellWord looks at what a command is given.
func (f *finder) shellWord(i int, t *token) {
	next := f.at(i + 1)
	rest := f.s[t.end:min(len(f.s), int(t.end)+48)]
	alone := i == 0 || f.at(i-1).is('/') && i <= 4
	hit := false
	switch {
	case next.is('-') && next.spaced && (t.vocab&shInterpreter != 0 && (f.at(i+2).isWord(f.s, "c") || f.at(i+2).isWord(f.s, "e") || f.at(i+2).isWord(f.s, "i") || f.at(i+2).isWord(f.s, "enc") || f.at(i+2).isWord(f.s, "command") || f.at(i+2).isWord(f.s, "r"))):
		hit = true
	case next.is('-') && next.spaced && (t.isWord(f.s, "ping") || t.isWord(f.s, "nc") || t.isWord(f.s, "uname") || t.isWord(f.s, "ls") || t.isWord(f.s, "netstat") || t.isWord(f.s, "rm") || t.isWord(f.s, "wget") || t.isWord(f.s, "curl") || t.isWord(f.s, "chmod")):
		hit = alone || len(f.s) < 80
	case t.isWord(f.s, "cmd") && (next.is('/') || next.is('.')), t.isWord(f.s, "powershell"):
		f.found.add(shellWindows)
	case bytes.Contains(rest, []byte("/etc/")) || bytes.Contains(rest, []byte("/tmp/")) || bytes.Contains(rest, []byte("/dev/")) || bytes.Contains(rest, []byte("http://")) && (t.isWord(f.s, "wget") || t.isWord(f.s, "curl")):
		hit = len(rest) > 0 && next.spaced
	}
	if hit {
		f.found.add(shellArgument)
	}
	if alone && len(f.t) <= 12 && (i+1 >= len(f.t) || f.ends(i+1)) && len(f.s) < 120 && f.leaf.place != inPath && !f.everyday(i) {
		f.found.add(shellOnly)
	}
}

// shellHidden looks for words that are split by quotes or backslashes, and for
// wildcards in place of the names of directories.
func (f *finder) shellHidden() {
	if f.has("$") && len(f.s) < 2048 { // c$@at
		for i := 1; i+2 < len(f.s); i++ {
			if f.s[i] == '$' && bytes.IndexByte([]byte("_?*@"), f.s[i+1]) >= 0 && byteClass[f.s[i-1]]&byteClass[f.s[i+2]]&classAlpha != 0 {
				f.found.add(shellSplit)
			}
		}
	}
	if f.has("'\"\\") && len(f.s) < 2048 {
		for i := 1; i+2 < len(f.t); i++ {
			a, q, r, b := f.at(i-1), f.at(i), f.at(i+1), f.at(i+2)
			if a.kind == kWord && b.kind == kWord && q.kind == kQuote && r.is(q.char) && !q.spaced && !r.spaced && !b.spaced {
				f.found.add(shellSplit)
			}
		}
	}
	if f.counts['?'] > 1 || f.counts['*'] > 0 || f.counts['['] > 0 {
		for i := 0; i+4 < len(f.s) && i < 4096; i++ {
			if f.s[i] == '/' && (f.s[i+1] == '?' || byteClass[f.s[i+1]]&classAlpha != 0) && bytes.IndexByte([]byte("?*["), f.s[i+2]) >= 0 && bytes.IndexByte(f.s[i+3:min(len(f.s), i+10)], '/') >= 0 && f.s[i+2] != f.s[i+1] || f.follows(i, "/???/") {
				f.found.add(shellSplit)
				return
			}
		}
	}
}

// everydayCommands are words of everyday language that happen to be commands.
var everydayCommands = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`cat host head tail less more sort find cut tee export set unset which kill type copy del net service time
		timeout watch screen expect last who history mount route file link mail touch echo date make test join split top env id dir sleep reg
		use user strings stat source go node java command fish dash perl ruby php`) {
		m[w] = true
	}
	return m
}()

// everyday tells whether a command at i, with which a value begins, is more
// likely a word: alone, or followed by words alone.
func (f *finder) everyday(i int) bool {
	t := f.at(i)
	if i > 0 || !everydayCommands[string(bytes.ToLower(f.s[t.start:t.end]))] {
		return false
	}
	for j := 1; j < len(f.t); j++ {
		if k := f.t[j].kind; k != kWord && k != kText && (k != kPunct || bytes.IndexByte([]byte(".,!?:"), f.t[j].char) < 0) {
			return false
		}
	}
	return true
}
