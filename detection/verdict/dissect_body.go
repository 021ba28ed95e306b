package verdict

import (
	"bytes"
	"unicode/utf8"
)

// json adds the strings of a JSON text, tolerant of what is not JSON at all: an
// attack often breaks the form. What stands outside strings is judged too when
// it is more than numbers and names.
func (a *anatomy) json(s, name []byte, p place, nesting int) {
	if p == inBody || p == inPart || p == inForm || p == inQuery {
		p = inJSON
	}
	var key, bare []byte
	strings := 0
	for i := 0; i < len(s) && !a.full(); {
		if s[i] != '"' {
			if len(bare) < 4096 {
				bare = append(bare, s[i])
			}
			i++
			continue
		}
		text, next := a.jsonString(s, i+1)
		i = next
		for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
			i++
		}
		strings++
		if i < len(s) && s[i] == ':' {
			key = a.arena.keep(text)
			if !plainName(key) || prototype(key) {
				a.add(inName, key, key, maxNesting)
			}
			continue
		}
		a.add(p, firstOf(key, name), a.arena.keep(text), nesting)
	}
	if strings == 0 || !plainJSON(bare) {
		a.add(p, name, a.arena.keep(bare), maxNesting)
	}
}

// prototype tells whether the name of a member is one that reaches the
// prototype of all objects.
func prototype(key []byte) bool {
	return string(key) == "__proto__" || string(key) == "constructor" || string(key) == "prototype"
}

func firstOf(a, b []byte) []byte {
	if len(a) > 0 {
		return a
	}
	return b
}

// plainJSON tells whether what stands outside strings is what JSON allows.
func plainJSON(s []byte) bool {
	for _, c := range s {
		if byteClass[c]&(classDigit|classAlpha|classSpace) == 0 && bytes.IndexByte([]byte("{}[]:,.-+"), c) < 0 {
			return false
		}
	}
	return true
}

// jsonString reads a string from after its quote. The result is valid until the
// next call.
func (a *anatomy) jsonString(s []byte, i int) (text []byte, next int) {
	out := a.quoted[:0]
	for ; i < len(s) && s[i] != '"'; i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case '"', '/', '\\':
			out = append(out, s[i])
		case 'b', 'f':
			out = append(out, ' ')
		case 'u':
			if r, ok := hexRune(s, i+1); ok {
				out = utf8.AppendRune(out, r)
				i += 4
				continue
			}
			out = append(out, '\\', 'u')
		default:
			out = append(out, '\\', s[i])
		}
	}
	a.quoted = out
	return out, i + 1
}

// xml adds the texts, attributes and declarations of an XML body.
func (a *anatomy) xml(s []byte) {
	for i := 0; i < len(s) && !a.full(); {
		open := bytes.IndexByte(s[i:], '<')
		if open < 0 {
			a.xmlText(s[i:])
			return
		}
		if open > 0 {
			a.xmlText(s[i : i+open])
		}
		i += open
		switch {
		case bytes.HasPrefix(s[i:], []byte("<![CDATA[")):
			i = a.xmlSpan(s, i+9, "]]>", true)
		case bytes.HasPrefix(s[i:], []byte("<!DOCTYPE")), bytes.HasPrefix(s[i:], []byte("<!ENTITY")):
			i = a.declaration(s, i)
		case bytes.HasPrefix(s[i:], []byte("<!--")):
			i = a.xmlSpan(s, i, "-->", true)
		default:
			i = a.element(s, i)
		}
	}
}

func (a *anatomy) xmlText(s []byte) {
	if s = bytes.TrimSpace(s); len(s) > 0 {
		a.add(inXML, nil, s, 1)
	}
}

// xmlSpan adds what stands before an end mark and returns the place behind it.
func (a *anatomy) xmlSpan(s []byte, i int, end string, text bool) int {
	n := bytes.Index(s[i:], []byte(end))
	if n < 0 {
		a.xmlText(s[i:])
		return len(s)
	}
	if text {
		a.xmlText(s[i : i+n])
	}
	return i + n + len(end)
}

// declaration adds a document type with its internal subset as one leaf.
func (a *anatomy) declaration(s []byte, i int) int {
	depth, n := 0, i
	for ; n < len(s) && n < i+8192; n++ {
		switch s[n] {
		case '<':
			depth++
		case '>':
			depth--
		}
		if depth == 0 {
			break
		}
	}
	n = min(n+1, len(s))
	a.add(inXML, nil, s[i:n], maxNesting)
	return n
}

// element adds the attributes of a tag, and the tag itself where it is none of
// plain XML.
func (a *anatomy) element(s []byte, i int) int {
	n := bytes.IndexByte(s[i:], '>')
	if n < 0 {
		a.xmlText(s[i:])
		return len(s)
	}
	tag := s[i : i+n+1]
	if eq := bytes.IndexByte(tag, '='); eq >= 0 || len(tag) > 128 {
		a.add(inXML, nil, tag, maxNesting)
	}
	return i + n + 1
}

// multipart adds the fields and files of a multipart body.
func (a *anatomy) multipart(s []byte, boundary string) {
	mark := []byte("--" + boundary)
	parts := 0
	for !a.full() {
		i := bytes.Index(s, mark)
		if i < 0 {
			break
		}
		s = s[i+len(mark):]
		if bytes.HasPrefix(s, []byte("--")) {
			s = s[2:]
			break
		}
		end := bytes.Index(s, mark)
		if end < 0 {
			end = len(s)
		}
		a.part(s[:end])
		parts++
	}
	if rest := bytes.TrimSpace(s); len(rest) > 0 && (parts == 0 || len(rest) > 4) && !binary(rest) {
		a.add(inBody, nil, rest, maxNesting)
	}
}

// part adds one part: its file name, and its content as a field or a file.
func (a *anatomy) part(s []byte) {
	head, content, found := bytes.Cut(s, []byte("\r\n\r\n"))
	if !found {
		head, content, _ = bytes.Cut(s, []byte("\n\n"))
	}
	name := disposition(head, "name=")
	filename := disposition(head, "filename=")
	content = bytes.TrimSuffix(content, []byte("\r\n"))
	if filename == nil {
		a.add(inPart, name, content, 0)
		return
	}
	a.add(inFilename, name, filename, maxNesting)
	if !binary(content) {
		a.add(inFile, name, content[:min(len(content), 16<<10)], maxNesting)
	} else if i := bytes.Index(content, []byte("<?")); i >= 0 { // code hidden behind the mark of an image
		a.add(inFile, name, content[i:min(len(content), i+4096)], maxNesting)
	}
}

// disposition reads a parameter of Content-Disposition.
func disposition(head []byte, key string) []byte {
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte(key))
		if i < 0 {
			return nil
		}
		i += at
		at = i + len(key)
		if i > 0 && byteClass[head[i-1]]&classWord != 0 { // name= inside filename=
			continue
		}
		v := head[at:]
		if n := bytes.IndexAny(v, "\r\n"); n >= 0 {
			v = v[:n]
		}
		if len(v) > 0 && v[0] == '"' {
			v = v[1:]
			if n := bytes.LastIndexByte(v, '"'); n >= 0 {
				if q := bytes.IndexByte(v, '"'); q >= 0 && bytes.HasPrefix(v[q:], []byte(`"; `)) {
					n = q
				}
				v = v[:n]
			}
			return v
		}
		if n := bytes.IndexByte(v, ';'); n >= 0 {
			v = v[:n]
		}
		return v
	}
}
