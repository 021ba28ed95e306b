package ingest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// filterPath is the parameter filter_path of Elasticsearch: which fields of the
// answer the sender wants. The zero value is all of them.
type filterPath struct {
	include, exclude [][]string
}

// maxFilters bounds the patterns that are looked at.
const maxFilters = 64

func parseFilter(param string) filterPath {
	var f filterPath
	for pattern := range strings.SplitSeq(param, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" || len(f.include)+len(f.exclude) == maxFilters {
			continue
		}
		if rest, found := strings.CutPrefix(pattern, "-"); found {
			f.exclude = append(f.exclude, strings.Split(rest, "."))
		} else {
			f.include = append(f.include, strings.Split(pattern, "."))
		}
	}
	return f
}

// wants tells whether a field is in the answer: a pattern names it or what it is
// part of.
func (f filterPath) wants(path ...string) bool {
	matches := func(pattern []string) bool { return matchPath(pattern, path) }
	if slices.ContainsFunc(f.exclude, matches) {
		return false
	}
	return len(f.include) == 0 || slices.ContainsFunc(f.include, matches)
}

func matchPath(pattern, path []string) bool {
	switch {
	case len(pattern) == 0:
		return true // the pattern names an object that the field is in
	case len(path) == 0:
		return pattern[0] == "**" && len(pattern) == 1
	case pattern[0] == "**":
		return matchPath(pattern[1:], path) || matchPath(pattern, path[1:])
	case matchName(pattern[0], path[0]):
		return matchPath(pattern[1:], path[1:])
	}
	return false
}

// matchName matches a name with a pattern in which * stands for any text.
func matchName(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}

// itemFields are the fields of an item in the order of the answer.
var itemFields = []string{"_index", "_id", "_version", "result", "_shards", "_seq_no", "_primary_term", "status", "error"}

// answer writes the answer to the request.
func (r *bulkRequest) answer(f filterPath, took time.Duration) []byte {
	failed := slices.ContainsFunc(r.items, func(it bulkItem) bool { return it.kind != "" })
	b := make([]byte, 0, 64+len(r.items)*128)
	b = append(b, '{')
	if f.wants("took") {
		b = append(b, `"took":`...)
		b = strconv.AppendInt(b, took.Milliseconds(), 10)
		b = append(b, ',')
	}
	if f.wants("errors") {
		b = append(b, `"errors":`...)
		b = strconv.AppendBool(b, failed)
		b = append(b, ',')
	}
	b = r.appendItems(b, f)
	return append(closed(b, '}'), '\n')
}

// closed ends an object or array whose last element is followed by a comma.
func closed(b []byte, end byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, end)
}

func (r *bulkRequest) appendItems(b []byte, f filterPath) []byte {
	fields := map[string][]string{} // by action
	for _, op := range []string{opIndex, opCreate, opUpdate, opDelete} {
		for _, name := range itemFields {
			if f.wants("items", op, name) {
				fields[op] = append(fields[op], name)
			}
		}
	}
	start := len(b)
	b = append(b, `"items":[`...)
	empty := len(b)
	for i := range r.items {
		it := &r.items[i]
		from := len(b)
		b = append(b, `{"`...)
		b = append(b, it.op...)
		b = append(b, `":{`...)
		bare := len(b)
		for _, name := range fields[it.op] {
			b = it.appendField(b, name)
		}
		if len(b) == bare {
			b = b[:from] // Elasticsearch leaves out what has no field left
			continue
		}
		b = append(closed(b, '}'), "},"...)
	}
	if len(b) == empty && len(f.include)+len(f.exclude) > 0 {
		return b[:start]
	}
	return append(closed(b, ']'), ',')
}

// appendField writes a field with its comma, or nothing if the item has it not.
func (it *bulkItem) appendField(b []byte, name string) []byte {
	value := ""
	switch stored := it.kind == ""; name {
	case "_index":
		index := it.index
		if index == "" {
			index = "bulk"
		}
		value = quoted(index)
	case "_id":
		value = "null"
		if it.id != "" {
			value = quoted(it.id)
		}
	case "status":
		value = strconv.Itoa(it.status)
	case "error":
		if !stored {
			value = `{"type":` + quoted(it.kind) + `,"reason":` + quoted(it.reason) + `}`
		}
	default:
		if stored {
			value = it.storedField(name)
		}
	}
	if value == "" {
		return b
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, `":`...)
	b = append(b, value...)
	return append(b, ',')
}

// storedField returns a field that only stored documents have.
func (it *bulkItem) storedField(name string) string {
	switch name {
	case "_version", "_primary_term":
		return "1"
	case "result":
		return quoted(it.result)
	case "_shards":
		return `{"total":1,"successful":1,"failed":0}`
	case "_seq_no":
		return "0"
	}
	return ""
}

// quoted returns a JSON string; what is not UTF-8 is replaced.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // strings can always be written
	}
	return string(b)
}
