package api

import (
	"bytes"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

const (
	// maxElements is how many elements the lists of a request may have that is
	// no batch of records.
	maxElements = 1000
	// elementBytes is about what a decoded element takes besides its bytes: two
	// bytes on the wire may be an empty record.
	elementBytes = 256
	// maxNesting is how deep messages may lie in each other.
	maxNesting = 32
)

// limits bound one message of a method before it is decoded.
type limits struct {
	bytes    int
	elements int // of all its lists
}

// limitsOf returns the bounds of the messages of a method.
func (a *API) limitsOf(method string) limits {
	if takesRecords(method) {
		return limits{a.config.MaxRequestBytes, a.config.MaxRequestRecords}
	}
	if method == gatewatchv1.ProposalService_ProposeChanges_FullMethodName {
		return limits{maxMessage, maxElements} // it may bring a guard
	}
	return limits{maxQueryBody, maxElements}
}

// takesRecords tells whether the requests of a method are batches of records.
func takesRecords(method string) bool {
	return method == gatewatchv1.IngestService_Ingest_FullMethodName || method == gatewatchv1.NodeService_Stream_FullMethodName
}

// wire receives one message within limits. Its outcome is kept apart from that
// of the transport, which would make an internal error of it.
type wire struct {
	limits
	into proto.Message
	cost int // of the decoded message in bytes, about
	err  error
}

// decode checks a message and decodes it. b may be used again afterwards.
func (w *wire) decode(b []byte) error {
	if len(b) > w.bytes {
		return status.Errorf(codes.ResourceExhausted, "the message has %d bytes, more than %d", len(b), w.bytes)
	}
	n, err := countElements(b, w.into.ProtoReflect().Descriptor(), w.elements, maxNesting)
	if err != nil {
		return status.Error(codes.InvalidArgument, "the message is not well formed")
	}
	if n > w.elements {
		return errElements(w.elements)
	}
	w.cost = len(b) + n*elementBytes
	if err := proto.Unmarshal(b, w.into); err != nil {
		return status.Error(codes.InvalidArgument, "the message is not well formed")
	}
	return nil
}

// errElements says that a message has too many elements. Sending it again does
// not help, so the code is not one that clients try again on.
func errElements(most int) error {
	return status.Errorf(codes.InvalidArgument, "the message has more than %d records or other elements: send fewer at once", most)
}

// countElements counts the elements of all lists of a message on the wire, at
// least until there are more than most.
func countElements(b []byte, d protoreflect.MessageDescriptor, most, depth int) (n int, err error) {
	for len(b) > 0 && n <= most {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 || depth == 0 {
			return n, protowire.ParseError(min(size, -1))
		}
		b = b[size:]
		if size = protowire.ConsumeFieldValue(number, kind, b); size < 0 {
			return n, protowire.ParseError(size)
		}
		value := b[:size]
		b = b[size:]
		f := d.Fields().ByNumber(number)
		if f == nil {
			continue
		}
		list := f.IsList() || f.IsMap()
		if list {
			n++
		}
		if kind != protowire.BytesType {
			continue
		}
		content, _ := protowire.ConsumeBytes(value) // was measured above
		switch {
		case f.Message() != nil:
			inner, err := countElements(content, f.Message(), most-n, depth-1)
			if n += inner; err != nil {
				return n, err
			}
		case list && f.Kind() != protoreflect.StringKind && f.Kind() != protoreflect.BytesKind:
			n += len(content) // packed numbers, each of a byte at least
		}
	}
	return n, nil
}

// countJSON returns about how many elements the lists of a JSON text make: its
// objects, and values that are none at a share of what an object has.
func countJSON(text []byte) int {
	const members = 8 // of an object, about
	objects, values := 0, 0
	for len(text) > 0 {
		i := bytes.IndexAny(text, `"{,`)
		if i < 0 {
			break
		}
		c := text[i]
		text = text[i+1:]
		switch c {
		case '{':
			objects++
		case ',':
			values++
		case '"':
			text = text[endOfString(text):]
		}
	}
	return max(objects, values/members)
}

// endOfString returns where the text after the end of a JSON string begins, of
// whose beginning text lacks the quote.
func endOfString(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// codec is the codec of gRPC that decodes into a [wire] within its limits.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(protocodec.Name)} }

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	w, ok := v.(*wire)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	w.err = w.decode(buf.ReadOnlyData())
	return nil
}
