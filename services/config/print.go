package config

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// WriteYAML writes the configuration that src points to as a document that
// [LoadYAML] reads, each key below what it means.
func WriteYAML(w io.Writer, src any) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(structNode(reflect.ValueOf(src).Elem())); err != nil {
		return fmt.Errorf("print config: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("print config: %w", err)
	}
	return nil
}

func structNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := keyName(f)
		if name == "-" {
			continue
		}
		key := textNode(name)
		key.HeadComment = f.Tag.Get("help")
		n.Content = append(n.Content, key, valueNode(v.Field(i), f))
	}
	return n
}

func valueNode(v reflect.Value, f reflect.StructField) *yaml.Node {
	switch {
	case isLeaf(f.Type):
		return leafNode(v, strings.HasSuffix(f.Name, "Bytes"))
	case f.Type.Kind() == reflect.Struct:
		return structNode(v)
	case f.Type.Kind() == reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Style: emptyStyle(v)}
		names := v.MapKeys()
		slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, name := range names {
			n.Content = append(n.Content, textNode(name.String()), structNode(v.MapIndex(name)))
		}
		return n
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: emptyStyle(v)}
	for i := range v.Len() {
		n.Content = append(n.Content, structNode(v.Index(i)))
	}
	return n
}

// emptyStyle shows an empty container as {} or [] on the line of its key.
func emptyStyle(v reflect.Value) yaml.Style {
	if v.Len() == 0 {
		return yaml.FlowStyle
	}
	return 0
}

func leafNode(v reflect.Value, bytes bool) *yaml.Node {
	switch {
	case v.Kind() == reflect.String:
		return textNode(v.String())
	case v.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, textNode(v.Index(i).String()))
		}
		return n
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: leafText(v, bytes)}
}

// textNode is a scalar that is quoted where it would not be read as text.
func textNode(s string) *yaml.Node {
	var n yaml.Node
	n.SetString(s)
	return &n
}

// formatBytes writes a size in the form that [ParseBytes] reads, with the
// largest unit that divides it.
func formatBytes(n int64) string {
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return fmt.Sprint(n, units[i])
}
