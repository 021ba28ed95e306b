package verdict

import "encoding/json"

// place says where in a request a leaf stands.
type place uint8

const (
	inPath place = iota
	inQuery
	inForm
	inJSON
	inXML
	inPart // a field of a multipart body
	inFile // the content of an uploaded file
	inFilename
	inBody // of no known form
	inCookie
	inHeader
	inAgent
	inReferer
	inName  // the name of a parameter
	inMatch // a value that a rule matched, known from a log alone
	places
)

var placeNames = [places]string{
	"path", "query parameter", "form field", "JSON member", "XML text", "multipart field", "uploaded file",
	"file name", "body", "cookie", "header", "user agent", "referer", "parameter name", "matched value",
}

// wrapper tells that a place says more about the client than about intent. Its
// leaves are weighed apart.
func (p place) wrapper() bool {
	return p == inCookie || p == inHeader || p == inAgent || p == inReferer
}

// leaf is one decoded value of a request. Its memory belongs to the scratch
// space of one scoring.
type leaf struct {
	place   place
	name    []byte
	holder  []byte // the parameter that a document with this leaf stands in
	value   []byte
	decoded decoding
}

// Bounds of what is taken from one request. What lies beyond is not judged, and
// the verdict says so.
const (
	maxLeaves   = 2048
	maxContent  = 384 << 10 // bytes of all leaves
	maxNesting  = 3         // JSON inside a parameter inside base64
	maxValue    = 64 << 10  // of one leaf
	maxBodyHead = 256 << 10
	maxBodyTail = 64 << 10
)

// arena holds the bytes of decoded leaves.
type arena struct {
	buf []byte
}

func (a *arena) keep(s []byte) []byte {
	if len(a.buf)+len(s) > cap(a.buf) {
		a.buf = make([]byte, 0, max(1<<16, 2*len(s)))
	}
	n := len(a.buf)
	a.buf = append(a.buf, s...)
	return a.buf[n:len(a.buf):len(a.buf)]
}

// anatomy takes requests apart. It is used for one request at a time; its
// leaves are valid until the next one.
type anatomy struct {
	leaves  []leaf
	arena   arena
	content int
	cut     bool // something was left out
	undoing [2][]byte
	plain   []byte
	quoted  []byte
}

func (a *anatomy) reset() {
	a.leaves = a.leaves[:0]
	a.arena.buf = a.arena.buf[:0]
	a.content, a.cut = 0, false
}

// add decodes a value and adds it, and what it holds in turn.
func (a *anatomy) add(p place, name, raw []byte, nesting int) {
	if len(raw) == 0 {
		return
	}
	if len(a.leaves) >= maxLeaves || a.content >= maxContent {
		a.cut = true
		return
	}
	if len(raw) > maxValue {
		a.cut = true
		raw = append(append(make([]byte, 0, maxValue), raw[:maxValue*3/4]...), raw[len(raw)-maxValue/4:]...)
	}
	value, done := undo(raw, &a.undoing)
	a.content += len(value)
	value = a.arena.keep(value)
	a.leaves = append(a.leaves, leaf{place: p, name: name, value: value, decoded: done})
	if nesting >= maxNesting {
		return
	}
	if (value[0] == '{' || value[0] == '[') && len(value) > 2 {
		a.document(value, name, p, nesting+1)
		return
	}
	if len(value) >= minBase64 {
		if text, ok := unbase64(a.plain, value); ok {
			a.plain = text
			inner := a.arena.keep(text)
			a.add(p, name, inner, nesting+1)
			if n := len(a.leaves); n > 0 {
				a.leaves[n-1].decoded |= decodedBase64
			}
		}
	}
}

// document adds what a JSON text in a parameter holds. A well-formed one is no
// leaf itself: its marks say nothing, and all its texts are judged.
func (a *anatomy) document(value, name []byte, p place, nesting int) {
	begin := len(a.leaves)
	if json.Valid(value) {
		begin--
		a.leaves = a.leaves[:begin]
	}
	a.json(value, name, p, nesting)
	for i := begin; i < len(a.leaves); i++ {
		a.leaves[i].holder = name
	}
}
