package api

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	gatewatchproto "github.com/gatewatch/gatewatch/proto"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

func TestMarshal(t *testing.T) {
	f := func(m proto.Message, want string) {
		t.Helper()
		got, err := marshaler{}.Marshal(m)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	f(&gatewatchv1.SearchStats{RowsMatched: math.MaxUint64, Took: durationpb.New(3_100_000), Warnings: []string{"<&>\u2028\x00"}},
		`{"rows_matched":18446744073709551615,"rows_read":0,"bytes_read":0,"took":"0.0031s","partial":false,"warnings":["<&>\u2028\u0000"]}`)
	f(&gatewatchv1.Token{Id: "a", Kind: gatewatchv1.TokenKind_TOKEN_KIND_NODE, CreateTime: timestamppb.New(started)},
		`{"id":"a","kind":"TOKEN_KIND_NODE","name":"","role":"","create_time":"2026-01-31T12:00:00Z"}`)
	f(&gatewatchv1.Token{Kind: 9}, `{"id":"","kind":9,"name":"","role":""}`)
	f(&gatewatchv1.RawRecord{Id: "a", Sequence: 1, Raw: []byte("\xff")}, `{"id":"a","sequence":1,"raw":"/w==","cut":false}`)
	f(&gatewatchv1.RevokeTokenResponse{}, `{}`)
	value := func(v *gatewatchv1.Value, want string) {
		t.Helper()
		f(&gatewatchv1.AggregateResponse{Rows: []*gatewatchv1.Row{{Values: []*gatewatchv1.Value{v}}}}, `{"columns":[],"rows":[[`+want+`]]}`)
	}
	value(nil, `null`)
	value(&gatewatchv1.Value{}, `null`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_IntValue{IntValue: math.MinInt64}}, `-9223372036854775808`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_DoubleValue{DoubleValue: math.NaN()}}, `null`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_DoubleValue{DoubleValue: 1}}, `1.0`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_BytesValue{BytesValue: []byte("a\xff")}}, `"a`+"\ufffd"+`"`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_IpValue{IpValue: "::1"}}, `"::1"`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_TimeValue{TimeValue: timestamppb.New(started)}}, `"2026-01-31T12:00:00.000Z"`)
	value(&gatewatchv1.Value{Kind: &gatewatchv1.Value_ListValue{}}, `[]`)
}

// TestMessagesCanBeMarshaled fails when a message gets a kind of field that the
// marshaler does not know.
func TestMessagesCanBeMarshaled(t *testing.T) {
	n := 0
	for _, file := range []protoreflect.FileDescriptor{
		gatewatchv1.File_gatewatch_v1_search_proto, gatewatchv1.File_gatewatch_v1_admin_proto, gatewatchv1.File_gatewatch_v1_ingest_proto,
		gatewatchv1.File_gatewatch_v1_rule_proto,
	} {
		for i := range file.Messages().Len() {
			d := file.Messages().Get(i)
			for j := range d.Fields().Len() {
				n++
				if f := d.Fields().Get(j); f.IsMap() || f.Kind() == protoreflect.GroupKind {
					t.Errorf("%s is a map or group", f.FullName())
				}
			}
			if got := appendMessage(nil, dynamicpb.NewMessage(d)); !json.Valid(got) {
				t.Errorf("%s: %s", d.FullName(), got)
			}
		}
	}
	if n == 0 {
		t.Error("no fields were seen")
	}
}

// TestOpenAPIHasEveryRoute compares the document with the routes that are served.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	var doc struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
		Parts   struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(gatewatchproto.OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("version is %s", doc.OpenAPI)
	}
	described := map[string]bool{}
	for path, verbs := range doc.Paths {
		for verb, op := range verbs {
			described[strings.ToUpper(verb)+" "+path] = true
			if op["security"] == nil {
				t.Errorf("%s %s does not say who may call it", verb, path)
			}
		}
	}
	eachRoute(func(_, verb, path string, m protoreflect.MethodDescriptor) {
		path = strings.ReplaceAll(path, "=**}", "}") // OpenAPI cannot say what a variable may be
		if !described[verb+" "+path] {
			t.Errorf("%s %s is not described", verb, path)
		}
		schema, ok := doc.Parts.Schemas[string(m.Output().Name())]
		if !ok {
			t.Errorf("%s has no schema", m.Output().Name())
			return
		}
		var answer map[string]any
		if err := json.Unmarshal(appendMessage(nil, dynamicpb.NewMessage(m.Output())), &answer); err != nil {
			t.Fatal(err)
		}
		for _, name := range schema.Required {
			if _, ok := answer[name]; !ok {
				t.Errorf("%s always has %s, says the document", m.Output().Name(), name)
			}
		}
		for name := range answer {
			if schema.Properties[name] == nil {
				t.Errorf("%s of %s is not described", name, m.Output().Name())
			}
		}
	})
}

// FuzzUnmarshal holds the strict reading of requests to: no crash, an error that
// is text, and what was read can be written and read again.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"query":"a: b","page_size":10}`))
	f.Add([]byte(`{"querry":""}`))
	f.Add([]byte(`{"query":"\ud800"}`))
	f.Add([]byte(`{"pageSize":1e2,"page_size":"3"}`))
	f.Add([]byte(`{"records":[{"raw":"YQ==","sequence":18446744073709551615}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []proto.Message{&gatewatchv1.SearchRequest{}, &gatewatchv1.IngestRequest{}, &gatewatchv1.CreateTokenRequest{}} {
			if err := (marshaler{}).Unmarshal(data, m); err != nil {
				if !utf8.ValidString(err.Error()) {
					t.Errorf("error is not text: %q", err)
				}
				continue
			}
			written, err := marshaler{}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			again := m.ProtoReflect().New().Interface()
			if err := protojson.Unmarshal(written, again); err != nil || !proto.Equal(m, again) {
				t.Errorf("%s comes back as %v, %v", written, again, err)
			}
		}
	})
}
