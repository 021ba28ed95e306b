// Package config fills the configuration of a program from a YAML file, from
// environment variables and from flags, in that order.
//
// A configuration is a struct of structs. The key of a field is its yaml tag,
// else its name in snake_case; "-" leaves a field out. Leaves are strings,
// booleans, integers, floats, durations and lists of strings; maps of structs
// can be set in the file alone. A field whose name ends in Bytes takes sizes such as 64MiB; durations
// also take days (90d). The zero value of a configuration is its default.
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Key is one leaf of a configuration.
type Key struct {
	Name  string // dotted, such as "listen.http"
	Usage string // from the help tag
	value reflect.Value
	bytes bool
}

// Keys lists the leaves of the configuration that dst points to, in order of
// the struct. Setting a key changes *dst.
func Keys(dst any) []Key {
	return keys(reflect.ValueOf(dst).Elem(), "")
}

func keys(v reflect.Value, prefix string) []Key {
	var all []Key
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := keyName(f)
		if name == "-" {
			continue
		}
		switch {
		case isLeaf(f.Type):
			all = append(all, Key{prefix + name, f.Tag.Get("help"), v.Field(i), strings.HasSuffix(f.Name, "Bytes")})
		case f.Type.Kind() == reflect.Struct:
			all = append(all, keys(v.Field(i), prefix+name+".")...)
		}
	}
	return all
}

// Set sets the key from text, as given in the environment or as a flag.
func (k Key) Set(text string) error {
	if err := setLeaf(k.value, text, k.bytes); err != nil {
		return fmt.Errorf("%s: %w", k.Name, err)
	}
	return nil
}

// String returns the value of the key as text that [Key.Set] reads.
func (k Key) String() string { return leafText(k.value, k.bytes) }

// IsBool tells whether the key is a switch.
func (k Key) IsBool() bool { return k.value.Kind() == reflect.Bool }

// IsList tells whether the key is a list of texts.
func (k Key) IsList() bool { return k.value.Type() == stringsType }

// EnvName is the environment variable of the key: GATEWATCH_LISTEN_HTTP for
// listen.http and the prefix GATEWATCH_.
func (k Key) EnvName(prefix string) string {
	return prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(k.Name))
}

// LoadFile sets the keys of *dst that a YAML file holds. Its error joins all
// mistakes.
func LoadFile(dst any, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	var all []error
	for _, err := range Mistakes(LoadYAML(dst, b)) {
		all = append(all, fmt.Errorf("read config %s: %w", file, err))
	}
	return errors.Join(all...)
}

// Mistakes returns the errors that an error joins, in order; an error of one is
// itself, no error is none.
func Mistakes(err error) []error {
	switch e := err.(type) { //nolint:errorlint // the tree itself is looked at
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, err := range e.Unwrap() {
			all = append(all, Mistakes(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil && inner.Error() == err.Error() { // adds no words of its own
			return Mistakes(inner)
		}
	}
	return []error{err}
}

// LoadYAML sets the keys of *dst that a YAML document holds. A key that the
// configuration does not have is an error that suggests the nearest one. The
// error joins all mistakes; what is right is set.
func LoadYAML(dst any, doc []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(doc, &root); err != nil {
		return err
	}
	if len(root.Content) == 0 {
		return nil
	}
	return setStruct(reflect.ValueOf(dst).Elem(), root.Content[0], "")
}

func setStruct(v reflect.Value, n *yaml.Node, path string) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s: want keys and values", n.Line, strings.TrimSuffix(path, "."))
	}
	var all []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		f, ok := fieldOf(v, key.Value)
		if !ok {
			all = append(all, fmt.Errorf("line %d: unknown key %s%s%s", key.Line, path, key.Value, suggest(v, key.Value)))
			continue
		}
		all = append(all, setNode(v.FieldByIndex(f.Index), f, val, path+key.Value))
	}
	return errors.Join(all...)
}

func setNode(v reflect.Value, f reflect.StructField, n *yaml.Node, path string) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: %s: aliases are not supported", n.Line, path)
	}
	switch {
	case f.Type == stringsType && n.Kind == yaml.SequenceNode:
		var list []string
		if err := n.Decode(&list); err != nil {
			return fmt.Errorf("line %d: %s: want a list of texts", n.Line, path)
		}
		v.Set(reflect.ValueOf(list))
	case isLeaf(f.Type):
		if n.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: %s: want a single value", n.Line, path)
		}
		if err := setLeaf(v, n.Value, strings.HasSuffix(f.Name, "Bytes")); err != nil {
			return fmt.Errorf("line %d: %s: %w", n.Line, path, err)
		}
	case f.Type.Kind() == reflect.Struct:
		return setStruct(v, n, path+".")
	case f.Type.Kind() == reflect.Map:
		return setMap(v, n, path)
	case f.Type.Kind() == reflect.Slice:
		return setSlice(v, n, path)
	}
	return nil
}

// setMap reads a map from names to structs.
func setMap(v reflect.Value, n *yaml.Node, path string) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %s: want names and values", n.Line, path)
	}
	m := reflect.MakeMap(v.Type())
	var all []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		elem := reflect.New(v.Type().Elem()).Elem()
		all = append(all, setStruct(elem, n.Content[i+1], path+"."+n.Content[i].Value+"."))
		m.SetMapIndex(reflect.ValueOf(n.Content[i].Value), elem)
	}
	v.Set(m)
	return errors.Join(all...)
}

// setSlice reads a list of structs.
func setSlice(v reflect.Value, n *yaml.Node, path string) error {
	if n.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: %s: want a list", n.Line, path)
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	var all []error
	for i, c := range n.Content {
		all = append(all, setStruct(list.Index(i), c, fmt.Sprintf("%s[%d].", path, i)))
	}
	v.Set(list)
	return errors.Join(all...)
}

func fieldOf(v reflect.Value, key string) (reflect.StructField, bool) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); keyName(f) == key && key != "-" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// suggest names the key of v that is nearest to an unknown one.
func suggest(v reflect.Value, key string) string {
	var all []string
	for i := range v.NumField() {
		if name := keyName(v.Type().Field(i)); name != "-" {
			all = append(all, name)
		}
	}
	if best := Nearest(key, all); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	slices.Sort(all)
	return "; known are " + strings.Join(all, ", ")
}

// keyName is the key of a field, "-" if it has none.
func keyName(f reflect.StructField) string {
	if !f.IsExported() || !isLeaf(f.Type) && !isContainer(f.Type) {
		return "-"
	}
	if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag != "" {
		return tag
	}
	return snakeCase(f.Name)
}

func isContainer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		return true
	case reflect.Map:
		return t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.Struct
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Struct
	}
	return false
}

// snakeCase turns ClientCAFile into client_ca_file.
func snakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(runes[i-1]) || next {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Nearest returns the name that is most like a word, "" if none is like it.
func Nearest(word string, names []string) string {
	best, distance := "", 1+len(word)/3
	for _, name := range names {
		if d := editDistance(word, name); d <= distance && (best == "" || d < distance) {
			best, distance = name, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
