package waf

import (
	"encoding/json"
	"mime"
	"strings"
	"unicode/utf8"
)

// body masks a body by its content type, and one that is not what that says in
// every way there is.
func (c secrets) body(contentType, body string) string {
	return c.bodyWithin(contentType, body, maxMaskDepth)
}

// bodyWithin masks a body that may hold others, up to a depth.
func (c secrets) bodyWithin(contentType, body string, depth int) string {
	switch {
	case body == "":
		return body
	case isMultipart(contentType, body):
		return c.multipart(contentType, body, depth-1)
	case json.Valid([]byte(body)):
		return c.json(body, depth)
	}
	if looksLikeJSON(body) {
		body = c.json(body, depth)
	}
	body = c.markup(body)
	form := strings.Contains(strings.ToLower(contentType), "x-www-form-urlencoded")
	if form || strings.IndexByte(body, '=') >= 0 && !strings.ContainsAny(body, "<\n") {
		return c.pairs(body)
	}
	return c.deep(body, depth)
}

// looksLikeJSON tells whether a text begins as JSON that holds anything does.
func looksLikeJSON(s string) bool {
	i := skip(s, 0, " \t\r\n\ufeff")
	return i < len(s) && strings.IndexByte(`{["`, s[i]) >= 0
}

// isMultipart tells whether a body is divided into parts, by what is said of it
// or by how it begins.
func isMultipart(contentType, body string) bool {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "multipart/") {
		return true
	}
	const looked = 1 << 10
	begin := strings.TrimLeft(body[:min(len(body), looked)], " \t\r\n")
	return strings.HasPrefix(begin, "--") && strings.Contains(strings.ToLower(begin), "content-disposition")
}

// isReadableType tells whether a body of a type may be text whose ASCII is plain.
func isReadableType(contentType string) bool {
	kind, params, _ := strings.Cut(strings.ToLower(contentType), ";")
	for _, binary := range []string{"msgpack", "messagepack", "cbor", "protobuf", "grpc", "amf", "java-serialized", "bson", "avro", "thrift", "gzip", "zip", "fastinfoset"} {
		if strings.Contains(kind, binary) {
			return false
		}
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.TrimRight(strings.TrimSpace(name), "*") == "charset" && !isPlainCharset(strings.Trim(value, " \t\"'")) {
			return false
		}
	}
	return true
}

func isPlainCharset(name string) bool {
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "latin1":
		return true
	}
	return strings.HasPrefix(name, "iso-8859-") || strings.HasPrefix(name, "windows-125") || strings.HasPrefix(name, "cp125")
}

// isReadable tells whether a body is text: UTF-8, but for what was cut off at its
// end, without control characters.
func isReadable(body string) bool {
	for i := range len(body) {
		if c := body[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' || c == 0x7f {
			return false
		}
	}
	for range utf8.UTFMax {
		if utf8.ValidString(body) {
			return true
		}
		body = body[:len(body)-1]
	}
	return false
}

// multipart masks the parts of a body (RFC 2046): those with names of credentials
// whole, others by their kind. Who reads it may disagree with its sender on what
// divides it, so every line that may do so does, and what then is no part that can
// be read is masked whole.
func (c secrets) multipart(contentType, body string, depth int) string {
	if depth <= 0 {
		return blot(body)
	}
	marks := boundaries(contentType, body)
	var b strings.Builder
	b.Grow(len(body))
	form := !strings.Contains(strings.ToLower(contentType), "multipart/") || strings.Contains(strings.ToLower(contentType), "form-data")
	inPart, from := false, 0
	flush := func(to int) {
		if inPart {
			b.WriteString(c.part(body[from:to], form, depth))
		} else {
			b.WriteString(blot(body[from:to]))
		}
	}
	for at := 0; at < len(body); {
		end := lineEnd(body, at)
		if mark := delimiter(body[at:end], marks); mark > 0 {
			flush(at)
			b.WriteString(body[at : at+mark])
			b.WriteString(c.value(body[at+mark : end]))
			inPart, from = !strings.HasPrefix(body[at+mark:end], "--"), end
		}
		at = end
	}
	flush(len(body))
	return b.String()
}

// lineEnd is where the line at i ends, behind what ends it.
func lineEnd(s string, i int) int {
	n := strings.IndexAny(s[i:], "\r\n")
	if n < 0 {
		return len(s)
	}
	if i += n; strings.HasPrefix(s[i:], "\r\n") {
		i++
	}
	return i + 1
}

// maxBoundaries bounds the boundaries that are looked for.
const maxBoundaries = 8

// boundaries are all that a body may be divided by: every one that its type names,
// quoted or not, and what its first line that could be one says.
func boundaries(contentType, body string) (marks []string) {
	add := func(mark string) {
		if mark != "" && len(marks) < maxBoundaries {
			marks = append(marks, "--"+mark)
		}
	}
	lower := strings.ToLower(contentType)
	for from := 0; len(lower) == len(contentType) && len(marks) < maxBoundaries; {
		n := strings.Index(lower[from:], "boundary")
		if n < 0 {
			break
		}
		from += n + len("boundary")
		value := strings.TrimLeft(contentType[from:], "*0 \t")
		value, found := strings.CutPrefix(value, "=")
		if !found {
			continue
		}
		value = strings.TrimSpace(value)
		if quoted, found := strings.CutPrefix(value, `"`); found {
			quoted, _, _ = strings.Cut(quoted, `"`)
			add(strings.TrimSpace(quoted))
			continue
		}
		value, _, _ = strings.Cut(value, ";")
		add(strings.TrimSpace(value))
		value, _, _ = strings.Cut(value, ",")
		add(strings.TrimSpace(value))
	}
	for at := 0; at < len(body); {
		end := lineEnd(body, at)
		line := strings.Trim(body[at:end], " \t\r\n")
		if mark, found := strings.CutPrefix(line, "--"); found {
			add(mark[:min(len(mark), 200)])
			break
		}
		at = end
	}
	return marks
}

// delimiter tells how much of the begin of a line is the longest boundary that
// does begin it, 0 if none does.
func delimiter(line string, marks []string) (end int) {
	indent := skip(line, 0, " \t")
	for _, mark := range marks {
		if strings.HasPrefix(line[indent:], mark) {
			end = max(end, indent+len(mark))
		}
	}
	return end
}

// part masks one part, from behind its delimiter on.
func (c secrets) part(part string, form bool, depth int) string {
	if strings.Trim(part, "\r\n") == "" {
		return part
	}
	h := partHead{secrets: c}
	var b strings.Builder
	at := 0
	for at < len(part) {
		end := lineEnd(part, at)
		if strings.Trim(part[at:end], "\r\n") == "" {
			b.WriteString(part[at:end])
			at = end
			break
		}
		for end < len(part) && (part[end] == ' ' || part[end] == '\t') { // folded
			end = lineEnd(part, end)
		}
		b.WriteString(h.field(part[at:end]))
		at = end
	}
	content := part[at:]
	nested := isMultipart(h.kind, "")
	switch {
	case h.unread || h.secret || (form || h.form) && !h.hasName && !nested, !nested && !isReadable(content), !isReadableType(h.kind):
		b.WriteString(blot(content))
	case nested:
		b.WriteString(c.multipart(h.kind, content, depth-1))
	default:
		b.WriteString(c.bodyWithin(h.kind, content, depth-1))
	}
	return b.String()
}

// partHead is what the headers of a part say.
type partHead struct {
	secrets
	kind    string
	form    bool // it is one of a form
	hasName bool
	secret  bool // the name is that of a credential
	unread  bool // there is what cannot be read
}

// field reads a header, which may be folded, and masks it.
func (h *partHead) field(raw string) string {
	name, value, found := strings.Cut(raw, ":")
	if !found {
		h.unread = true
		return blot(raw)
	}
	plain := strings.NewReplacer("\r", "", "\n", "").Replace(value)
	switch key := strings.ToLower(strings.TrimSpace(name)); key {
	case "content-disposition":
		h.form = h.form || strings.Contains(strings.ToLower(plain), "form-data")
		h.names(plain)
		return name + ":" + h.parameters(value)
	case "content-type":
		h.kind = strings.TrimSpace(plain)
		return name + ":" + h.parameters(value)
	case "content-transfer-encoding", "content-encoding":
		switch strings.ToLower(strings.TrimSpace(plain)) {
		case "", "7bit", "8bit", "binary", "identity":
		default:
			h.unread = true
		}
		return raw
	default:
		return name + ":" + h.header(key, value)
	}
}

// names reads the names in a Content-Disposition: however many it gives, and
// however they are written, one of a credential counts.
func (h *partHead) names(disposition string) {
	joined := ""
	for param := range strings.SplitSeq(disposition, ";") {
		name, value, found := strings.Cut(param, "=")
		if !found || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(name)), "name") {
			continue
		}
		h.hasName = true
		value = strings.NewReplacer(`"`, "", `\`, "", "'", " ").Replace(strings.TrimSpace(value))
		if decoded, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
			value = decoded
		}
		joined += value
		h.secret = h.secret || h.named(value) || h.named(joined)
	}
}
