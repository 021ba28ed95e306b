package api

import (
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// newProtoEvent returns an event in wire form. It shares no memory with e.
func newProtoEvent(e *event.Event) *gatewatchv1.Event {
	e = e.Clone() // one copy of all texts, which the message then points into
	n := len(e.Fields()) + 6
	var (
		fields  = make([]gatewatchv1.Field, 0, n)
		values  = make([]gatewatchv1.Value, n)
		strings = make([]gatewatchv1.Value_StringValue, n)
		named   = newNameIndex(n)
		out     = &gatewatchv1.Event{Fields: make([]*gatewatchv1.Field, 0, n)}
		i       = 0
	)
	for k, v := range e.All() {
		value := &values[i]
		setProtoValue(value, &strings[i], v)
		i++
		if first, again := named.find(k, len(fields)); again {
			appendProtoValue(fields[first].Value, value)
			continue
		}
		if v.IsList() {
			value = &gatewatchv1.Value{Kind: &gatewatchv1.Value_ListValue{ListValue: &gatewatchv1.ValueList{Values: []*gatewatchv1.Value{value}}}}
		}
		fields = fields[:len(fields)+1]
		f := &fields[len(fields)-1]
		f.Name, f.Value = k.String(), value
		out.Fields = append(out.Fields, f)
	}
	return out
}

// appendProtoValue makes a list of a value, if it is none, and adds another one.
func appendProtoValue(to, value *gatewatchv1.Value) {
	list := to.GetListValue()
	if list == nil {
		first := &gatewatchv1.Value{Kind: to.Kind}
		list = &gatewatchv1.ValueList{Values: []*gatewatchv1.Value{first}}
		to.Kind = &gatewatchv1.Value_ListValue{ListValue: list}
	}
	list.Values = append(list.Values, value)
}

// nameIndex finds the field of a name among those that were made before.
type nameIndex struct {
	few  []event.Key
	many map[string]int // for events with so many fields that comparing them one by one is slow
}

const fewNames = 64

func newNameIndex(n int) nameIndex {
	if n <= fewNames {
		return nameIndex{few: make([]event.Key, 0, n)}
	}
	return nameIndex{many: make(map[string]int, n)}
}

// find returns the index under which a name was found first, and true if that
// was before; else the name gets the index next.
func (x *nameIndex) find(k event.Key, next int) (int, bool) {
	if x.many != nil {
		i, again := x.many[k.String()]
		if !again {
			x.many[k.String()] = next
			i = next
		}
		return i, again
	}
	for i := range x.few {
		if x.few[i].Is(k) {
			return i, true
		}
	}
	x.few = append(x.few, k)
	return next, false
}

// setProtoValue writes one value into p; text is memory for the case of a string.
func setProtoValue(p *gatewatchv1.Value, text *gatewatchv1.Value_StringValue, v event.Value) {
	switch v.Kind() {
	case event.KindString:
		if s := v.Text(); !utf8.ValidString(s) {
			p.Kind = &gatewatchv1.Value_BytesValue{BytesValue: []byte(s)}
		} else {
			text.StringValue = s
			p.Kind = text
		}
	case event.KindInt:
		p.Kind = &gatewatchv1.Value_IntValue{IntValue: v.Int()}
	case event.KindFloat:
		p.Kind = &gatewatchv1.Value_DoubleValue{DoubleValue: v.Float()}
	case event.KindBool:
		p.Kind = &gatewatchv1.Value_BoolValue{BoolValue: v.Bool()}
	case event.KindTime:
		p.Kind = &gatewatchv1.Value_TimeValue{TimeValue: timestamppb.New(time.Unix(0, v.Int()))}
	case event.KindIP:
		p.Kind = &gatewatchv1.Value_IpValue{IpValue: v.String()}
	}
}

// newProtoRows returns the rows of a table in wire form. It shares the texts of
// the rows.
func newProtoRows(rows [][]event.Value) []*gatewatchv1.Row {
	out := make([]*gatewatchv1.Row, len(rows))
	for i, row := range rows {
		values := make([]gatewatchv1.Value, len(row))
		strings := make([]gatewatchv1.Value_StringValue, len(row))
		out[i] = &gatewatchv1.Row{Values: make([]*gatewatchv1.Value, len(row))}
		for j, v := range row {
			setProtoValue(&values[j], &strings[j], v)
			out[i].Values[j] = &values[j]
		}
	}
	return out
}
