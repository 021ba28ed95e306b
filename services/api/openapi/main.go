// Command openapi is a protoc plugin that writes the OpenAPI 3.1 document of
// the REST interface. The document follows the JSON that package api writes,
// which is not the one of protojson: integers are numbers, an event is a flat
// object. That is why no plugin of others is used.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		d := &document{schemas: object{}, paths: object{}}
		for _, file := range p.Files {
			if !file.Generate {
				continue
			}
			for _, s := range file.Services {
				if err := d.service(s); err != nil {
					return err
				}
			}
		}
		text, err := json.MarshalIndent(d.root(), "", "  ")
		if err != nil {
			return err
		}
		_, err = p.NewGeneratedFile("openapi.json", "").Write(append(text, '\n'))
		return err
	})
}

// object is an object of JSON.
type object = map[string]any

// document collects what the services describe.
type document struct {
	paths   object
	schemas object
	tags    []object
}

func (d *document) root() object {
	maps.Copy(d.paths, fixedPaths)
	maps.Copy(d.schemas, fixedSchemas)
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "Gatewatch",
			"version":     "v1",
			"description": "The REST interface of a Gatewatch server. Requests are read strictly: an unknown name is an error. Errors are problem details of RFC 9457.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{"url": "/"}},
		"tags":    d.tags,
		"paths":   d.paths,
		"components": object{
			"schemas": d.schemas,
			"securitySchemes": object{"bearer": object{
				"type": "http", "scheme": "bearer",
				"description": "A token from `gatewatch token create`, or the one in admin.token of the data directory.",
			}},
		},
	}
}

func (d *document) service(s *protogen.Service) error {
	routed := false
	for _, m := range s.Methods {
		rule, _ := proto.GetExtension(m.Desc.Options(), annotations.E_Http).(*annotations.HttpRule)
		for i, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if r.GetPattern() == nil {
				continue
			}
			if err := d.route(m, r, i); err != nil {
				return err
			}
			routed = true
		}
	}
	if routed {
		d.tags = append(d.tags, object{"name": string(s.Desc.Name()), "description": text(s.Comments)})
	}
	return nil
}

// route describes the n-th route of a method.
func (d *document) route(m *protogen.Method, rule *annotations.HttpRule, n int) error {
	var verb, path string
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		verb, path = "get", p.Get
	case *annotations.HttpRule_Post:
		verb, path = "post", p.Post
	case *annotations.HttpRule_Delete:
		verb, path = "delete", p.Delete
	default:
		return fmt.Errorf("%s: no verb is known for its route", m.Desc.FullName())
	}
	path = pattern.ReplaceAllString(path, "{$1}")
	item, _ := d.paths[path].(object)
	if item == nil {
		item = object{}
		d.paths[path] = item
	}
	op := d.operation(m, path, rule.GetBody() == "*")
	if n > 0 { // ids of operations are unique
		op["operationId"] = fmt.Sprint(m.Desc.Name(), n+1)
	}
	item[verb] = op
	return nil
}

// pattern is a variable of a path with what it may be, which OpenAPI cannot say.
var pattern = regexp.MustCompile(`\{(\w+)=[^}]*\}`)

var pathVariable = regexp.MustCompile(`\{(\w+)\}`)

func (d *document) operation(m *protogen.Method, path string, body bool) object {
	name := string(m.Desc.Name())
	op := object{
		"operationId": name,
		"tags":        []string{string(m.Parent.Desc.Name())},
		"description": text(m.Comments),
		"security":    []object{{"bearer": []string{}}},
		"responses": object{
			"200":     object{"description": text(m.Output.Comments), "content": d.answers(m)},
			"default": object{"description": "What went wrong.", "content": content("application/problem+json", ref("Problem"))},
		},
	}
	if m.Parent.Desc.Name() == "IngestService" { // on loopback, inputs need no token
		op["security"] = []object{{"bearer": []string{}}, {}}
	}
	if body {
		schema := content("application/json", d.message(m.Input, true))
		if example, ok := examples[name]; ok {
			schema["application/json"].(object)["example"] = example
		}
		op["requestBody"] = object{"content": schema}
		return op
	}
	inPath := map[string]bool{}
	for _, found := range pathVariable.FindAllStringSubmatch(path, -1) {
		inPath[found[1]] = true
	}
	var parameters []object
	for _, f := range m.Input.Fields {
		field := string(f.Desc.Name())
		where := "query"
		if inPath[field] {
			where = "path"
		}
		parameters = append(parameters, object{
			"name": field, "in": where, "required": inPath[field],
			"description": text(f.Comments), "schema": d.field(f, true),
		})
	}
	op["parameters"] = parameters
	return op
}

func (d *document) answers(m *protogen.Method) object {
	if kinds, ok := files[string(m.Desc.Name())]; ok {
		d.message(m.Output, false) // of gRPC
		all := object{}
		for _, kind := range kinds {
			maps.Copy(all, content(kind, object{"type": "string"}))
		}
		return all
	}
	if !m.Desc.IsStreamingServer() {
		return content("application/json", d.message(m.Output, false))
	}
	return object{
		"application/x-ndjson": object{"schema": d.message(m.Output, false)},
		"text/event-stream":    object{"schema": object{"type": "string", "description": "Server-sent events whose data is the JSON of the other form."}},
	}
}

// message returns a reference to the schema of a message and makes the schema.
// Requests are closed; answers hold every field that has no presence.
func (d *document) message(m *protogen.Message, request bool) object {
	name := string(m.Desc.Name())
	if _, done := d.schemas[name]; done || fixedSchemas[name] != nil {
		return ref(name)
	}
	properties, required := object{}, []string{}
	schema := object{"type": "object", "description": text(m.Comments), "properties": properties}
	d.schemas[name] = schema
	for _, f := range m.Fields {
		property := d.field(f, request)
		if c := text(f.Comments); c != "" {
			property["description"] = c
		}
		properties[string(f.Desc.Name())] = property
		if !f.Desc.HasPresence() {
			required = append(required, string(f.Desc.Name()))
		}
	}
	if request {
		schema["additionalProperties"] = false
	} else if len(required) > 0 {
		slices.Sort(required)
		schema["required"] = required
	}
	return ref(name)
}

func (d *document) field(f *protogen.Field, request bool) object {
	one := d.scalar(f, request)
	if f.Desc.IsList() {
		return object{"type": "array", "items": one}
	}
	return one
}

func (d *document) scalar(f *protogen.Field, request bool) object {
	switch f.Desc.Kind() {
	case protoreflect.MessageKind:
		switch f.Message.Desc.FullName() {
		case "google.protobuf.Timestamp":
			return object{"type": "string", "format": "date-time"}
		case "google.protobuf.Duration":
			return object{"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?s$`, "examples": []string{"0.0031s"}}
		}
		return d.message(f.Message, request)
	case protoreflect.EnumKind:
		var names []string
		for _, v := range f.Enum.Values {
			names = append(names, string(v.Desc.Name()))
		}
		return object{"type": "string", "enum": names}
	case protoreflect.StringKind:
		return object{"type": "string"}
	case protoreflect.BytesKind:
		return object{"type": "string", "contentEncoding": "base64"}
	case protoreflect.BoolKind:
		return object{"type": "boolean"}
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return object{"type": "number"}
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return object{"type": "integer", "minimum": 0}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return object{"type": "integer", "format": "int32"}
	}
	return object{"type": "integer", "format": "int64"}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func content(kind string, schema object) object {
	return object{kind: object{"schema": schema}}
}

// text returns a comment as running text.
func text(c protogen.CommentSet) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(string(c.Leading), "\n ", "\n"), "\n", " "))
}
