package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// marshaler is the JSON of our REST: names as in proto, integers as numbers,
// times in RFC 3339, an Event as one flat object, a Value as the plain value. A
// field that is not set has its default, but a message that is not set is left
// out. It reads JSON strictly: a name that the message does not have is an error.
type marshaler struct{}

var _ runtime.Marshaler = marshaler{}

// ContentType implements runtime.Marshaler.
func (marshaler) ContentType(any) string { return "application/json" }

// Marshal implements runtime.Marshaler.
func (marshaler) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return json.Marshal(v)
	}
	return appendMessage(nil, m.ProtoReflect()), nil
}

// NewEncoder implements runtime.Marshaler.
func (m marshaler) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		b, err := m.Marshal(v)
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	})
}

// Unmarshal implements runtime.Marshaler.
func (marshaler) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return json.Unmarshal(data, v)
	}
	if err := protojson.Unmarshal(data, m); err != nil {
		return explain(err, m.ProtoReflect().Descriptor())
	}
	return nil
}

// NewDecoder implements runtime.Marshaler.
func (m marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(data) == 0 {
			return io.EOF
		}
		return m.Unmarshal(data, v)
	})
}

var unknownField = regexp.MustCompile(`unknown field "([^"]{1,64})"`)

// explain makes a message for users of an error of protojson.
func explain(err error, d protoreflect.MessageDescriptor) error {
	text := strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto:"))
	if found := unknownField.FindStringSubmatch(text); found != nil {
		return fmt.Errorf("unknown field %q; known are %s", found[1], strings.Join(fieldNames(d), ", "))
	}
	return fmt.Errorf("read json: %s", strings.ToValidUTF8(text, "\ufffd"))
}

func fieldNames(d protoreflect.MessageDescriptor) []string {
	names := make([]string, d.Fields().Len())
	for i := range names {
		names[i] = string(d.Fields().Get(i).Name())
	}
	return names
}

func appendMessage(dst []byte, m protoreflect.Message) []byte {
	switch m := m.Interface().(type) {
	case *gatewatchv1.Event:
		return appendProtoEvent(dst, m)
	case *gatewatchv1.Row:
		return appendValues(dst, m.GetValues())
	case *gatewatchv1.Value:
		return appendValue(dst, m)
	case *gatewatchv1.HTTPRequest:
		return appendRequest(dst, m)
	case *gatewatchv1.ChartOption:
		return append(dst, m.GetJson()...)
	case *timestamppb.Timestamp:
		dst = append(dst, '"')
		dst = m.AsTime().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"')
	case *durationpb.Duration:
		dst = append(dst, '"')
		dst = strconv.AppendFloat(dst, m.AsDuration().Seconds(), 'f', -1, 64)
		return append(dst, 's', '"')
	}
	dst = append(dst, '{')
	fields := m.Descriptor().Fields()
	first := true
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.HasPresence() && !m.Has(f) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = event.AppendQuoted(dst, string(f.Name()))
		dst = append(dst, ':')
		if !f.IsList() {
			dst = appendScalar(dst, f, m.Get(f))
			continue
		}
		dst = append(dst, '[')
		for j, list := 0, m.Get(f).List(); j < list.Len(); j++ {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendScalar(dst, f, list.Get(j))
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendScalar(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return appendMessage(dst, v.Message())
	case protoreflect.StringKind:
		return event.AppendQuoted(dst, v.String())
	case protoreflect.BytesKind:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return event.AppendQuoted(dst, string(e.Name()))
		}
		return strconv.AppendInt(dst, int64(v.Enum()), 10)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return event.Float(v.Float()).AppendJSON(dst)
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return strconv.AppendUint(dst, v.Uint(), 10)
	}
	return strconv.AppendInt(dst, v.Int(), 10)
}

// appendProtoEvent writes an event in wire form as event.AppendJSON writes the
// event itself.
func appendProtoEvent(dst []byte, e *gatewatchv1.Event) []byte {
	dst = append(dst, '{')
	var exact []byte
	for i, f := range e.GetFields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendQuoted(dst, f.GetName())
		dst = append(dst, ':')
		dst = appendValue(dst, f.GetValue())
		if b := f.GetValue().GetBytesValue(); f.GetName() == event.EventOriginal.String() && !utf8.Valid(b) {
			exact = b
		}
	}
	if exact != nil {
		dst = append(dst, ',')
		dst = event.AppendQuoted(dst, event.GatewatchOriginal64.String())
		dst = append(dst, ':', '"')
		dst = base64.StdEncoding.AppendEncode(dst, exact)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func appendValues(dst []byte, values []*gatewatchv1.Value) []byte {
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, v)
	}
	return append(dst, ']')
}

func appendValue(dst []byte, v *gatewatchv1.Value) []byte {
	switch k := v.GetKind().(type) {
	case *gatewatchv1.Value_StringValue:
		return event.AppendQuoted(dst, k.StringValue)
	case *gatewatchv1.Value_IntValue:
		return strconv.AppendInt(dst, k.IntValue, 10)
	case *gatewatchv1.Value_DoubleValue:
		return event.Float(k.DoubleValue).AppendJSON(dst)
	case *gatewatchv1.Value_BoolValue:
		return strconv.AppendBool(dst, k.BoolValue)
	case *gatewatchv1.Value_TimeValue:
		ns, ok := event.Nanos(k.TimeValue.AsTime())
		if !ok {
			ns = math.MinInt64
		}
		return event.Time(ns).AppendJSON(dst)
	case *gatewatchv1.Value_IpValue:
		return event.AppendQuoted(dst, k.IpValue)
	case *gatewatchv1.Value_ListValue:
		return appendValues(dst, k.ListValue.GetValues())
	case *gatewatchv1.Value_BytesValue:
		return event.AppendQuoted(dst, event.View(k.BytesValue))
	}
	return append(dst, "null"...)
}
