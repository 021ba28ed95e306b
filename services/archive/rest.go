package archive

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// Fields without a column, and values that their column cannot hold, are a flat
// JSON object. What a JSON value is, is plain for numbers, booleans and texts;
// for the others the column gatewatch.kinds has the name of the field, "=" and a
// letter for each value:
const (
	kindPlain = 'p'
	kindIP    = 'i' // address
	kindTime  = 't' // RFC 3339, nanoseconds
	kindBytes = 'b' // text that is not UTF-8, in base64
	kindFloat = 'f' // a number that JSON does not have
)

// nameMark comes before the letters of a field whose name is not UTF-8: the name
// in the object is its base64.
const nameMark = 'n'

func kindOf(v event.Value) byte {
	switch v.Kind() {
	case event.KindIP:
		return kindIP
	case event.KindTime:
		return kindTime
	case event.KindString:
		if !utf8.ValidString(v.Text()) {
			return kindBytes
		}
	case event.KindFloat:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return kindFloat
		}
	}
	return kindPlain
}

// rest builds the object of one event.
type rest struct {
	object []byte
	kinds  []string
	letter []byte
}

func (r *rest) reset() { r.object, r.kinds = r.object[:0], r.kinds[:0] }

// add adds a field with all its values.
func (r *rest) add(name string, values []event.Value) {
	r.letter = r.letter[:0]
	special := !utf8.ValidString(name)
	if special {
		name = base64.StdEncoding.EncodeToString([]byte(name))
		r.letter = append(r.letter, nameMark)
	}
	sep := byte(',')
	if len(r.object) == 0 {
		sep = '{'
	}
	r.object = event.AppendQuoted(append(r.object, sep), name)
	r.object = append(r.object, ':')
	asList := len(values) > 1 || values[0].IsList()
	for i, v := range values {
		if asList {
			b := byte(',')
			if i == 0 {
				b = '['
			}
			r.object = append(r.object, b)
		}
		k := kindOf(v)
		special = special || k != kindPlain
		r.letter = append(r.letter, k)
		switch k {
		case kindBytes:
			r.object = append(r.object, '"')
			r.object = base64.StdEncoding.AppendEncode(r.object, []byte(v.Text()))
			r.object = append(r.object, '"')
		case kindFloat:
			r.object = append(strconv.AppendFloat(append(r.object, '"'), v.Float(), 'g', -1, 64), '"')
		default:
			r.object = v.AppendJSON(r.object)
		}
	}
	if asList {
		r.object = append(r.object, ']')
	}
	if special {
		r.kinds = append(r.kinds, name+"="+string(r.letter))
	}
}

// text returns the object, "" if there are no fields.
func (r *rest) text() []byte {
	if len(r.object) == 0 {
		return nil
	}
	r.object = append(r.object, '}')
	return r.object
}

// restReader reads objects back into events.
type restReader struct {
	scan  jsonscan.Scanner
	buf   []byte
	kinds map[string]string
}

// read adds the fields of an object to an event.
func (r *restReader) read(e *event.Event, object []byte, kinds []string) error {
	if len(object) == 0 {
		return nil
	}
	clear(r.kinds)
	for _, k := range kinds {
		at := strings.LastIndexByte(k, '=')
		if at < 0 {
			return fmt.Errorf("%w: kind %q", ErrDamaged, k)
		}
		if r.kinds == nil {
			r.kinds = map[string]string{}
		}
		r.kinds[k[:at]] = k[at+1:]
	}
	r.scan.Reset(object)
	if t, err := r.scan.Next(); err != nil || t.Kind != jsonscan.Object {
		return fmt.Errorf("%w: its fields are no JSON object", ErrDamaged)
	}
	for {
		t, err := r.scan.Next()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if t.Kind != jsonscan.Key {
			return nil
		}
		if err := r.field(e, t); err != nil {
			return err
		}
	}
}

// field reads the values of a field.
func (r *restReader) field(e *event.Event, name jsonscan.Token) error {
	text := string(r.unquoted(name))
	letters := r.kinds[text]
	if marked, ok := strings.CutPrefix(letters, string(nameMark)); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		text, letters = string(raw), marked
	}
	k := event.Intern(text)
	n, list := 0, false
	for {
		t, err := r.scan.Next()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch t.Kind {
		case jsonscan.Array:
			list = true
			continue
		case jsonscan.ArrayEnd:
			return nil
		}
		letter := byte(kindPlain)
		if n < len(letters) {
			letter = letters[n]
		}
		if err := r.value(e, k, t, letter, list); err != nil {
			return err
		}
		if n++; !list {
			return nil
		}
	}
}

func (r *restReader) value(e *event.Event, k event.Key, t jsonscan.Token, letter byte, list bool) error {
	var v event.Value
	text := r.unquoted(t)
	var err error
	switch {
	case t.Kind == jsonscan.True || t.Kind == jsonscan.False:
		v = event.Bool(t.Kind == jsonscan.True)
	case t.Kind == jsonscan.Number:
		v, err = number(string(text))
	case t.Kind != jsonscan.String:
		err = fmt.Errorf("%s holds no value", k)
	case letter == kindIP:
		var a netip.Addr
		a, err = netip.ParseAddr(string(text))
		v = event.IP(a)
	case letter == kindTime:
		var at time.Time
		at, err = time.Parse(time.RFC3339Nano, string(text))
		v = event.Time(at.UnixNano())
	case letter == kindBytes:
		var raw []byte
		raw, err = base64.StdEncoding.AppendDecode(nil, text)
		v = event.String(string(raw))
	case letter == kindFloat:
		var f float64
		f, err = strconv.ParseFloat(string(text), 64)
		v = event.Float(f)
	default:
		v = event.String(e.Copy(text))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	switch {
	case event.IsMember(k):
		setMember(e, k, v.String())
	case list:
		e.AddList(k, v)
	default:
		e.Add(k, v)
	}
	return nil
}

// setMember sets a text that is a member of an event.
func setMember(e *event.Event, k event.Key, text string) {
	switch k {
	case event.EventID:
		e.ID = text
	case event.EventDataset:
		e.Dataset = text
	case event.GatewatchSource:
		e.Source = text
	}
}

// number reads a number as it was written: one without a point or exponent is an
// integer.
func number(text string) (event.Value, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return event.Int(n), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	return event.Float(f), err
}

func (r *restReader) unquoted(t jsonscan.Token) []byte {
	if !t.Escaped {
		return t.Text
	}
	r.buf = jsonscan.Unquote(r.buf[:0], t.Text)
	return r.buf
}
