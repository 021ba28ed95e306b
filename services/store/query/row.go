package query

import "github.com/gatewatch/gatewatch/detection/event"

// AppendRow appends the given fields of a row as one flat JSON object, in their
// order: lists as arrays, absent fields as null. It is the form in which the
// rows of a query with keep are shown.
func AppendRow(dst []byte, row Row, keys []event.Key) []byte {
	dst = append(dst, '{')
	var values []event.Value
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, k.String()), ':')
		values = row.AppendValues(values[:0], k)
		dst = appendList(dst, values)
	}
	return append(dst, '}')
}

func appendList(dst []byte, values []event.Value) []byte {
	switch {
	case len(values) == 0:
		return append(dst, "null"...)
	case len(values) == 1 && !values[0].IsList():
		return values[0].AppendJSON(dst)
	}
	for i, v := range values {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		dst = v.AppendJSON(append(dst, sep))
	}
	return append(dst, ']')
}
