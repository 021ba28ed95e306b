package enrich

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of tables of assets.
const (
	maxAssetBytes   = 64 << 20
	maxAssetRows    = 1 << 20 // of all tables
	maxAssetColumns = 64
	maxAssetValue   = 1024 // bytes
	maxMistakes     = 20   // that are reported of one table
)

// readAssets adds the rows of a table. name is what errors call it; its suffix
// is the format. The error joins the mistakes, each with its line; what is right
// is added all the same, so that a caller must drop the whole after an error.
func (t *assets) readAssets(name string, text []byte) error {
	r := &assetReader{assets: t, name: filepath.Base(name)}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxAssetBytes:
		return fmt.Errorf("read assets %s: it has more than %d MiB", r.name, maxAssetBytes>>20)
	case strings.HasSuffix(name, ".csv"):
		r.csv(text)
	case strings.HasSuffix(name, ".ndjson"):
		r.ndjson(text)
	default:
		return fmt.Errorf("read assets %s: want a file that ends in .csv or .ndjson", r.name)
	}
	return errors.Join(r.mistakes...)
}

// assetReader reads one table.
type assetReader struct {
	assets   *assets
	name     string
	mistakes []error
}

// wrong notes a mistake and tells whether to go on.
func (r *assetReader) wrong(line int, format string, args ...any) bool {
	if len(r.mistakes) < maxMistakes {
		r.mistakes = append(r.mistakes, fmt.Errorf("read assets %s line %d: %s", r.name, line, fmt.Sprintf(format, args...)))
	}
	return len(r.mistakes) < maxMistakes
}

// csv reads a table whose first line names the columns. Lines that begin with #
// are comments; an empty cell says nothing.
func (r *assetReader) csv(text []byte) {
	c := csv.NewReader(bytes.NewReader(text))
	c.Comment, c.FieldsPerRecord, c.TrimLeadingSpace, c.ReuseRecord = '#', -1, true, true
	head, err := c.Read()
	if err != nil {
		r.wrong(1, "want the names of columns: %v", err)
		return
	}
	head = slices.Clone(head)
	if !r.head(head) {
		return
	}
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			r.wrong(wrong.StartLine, "%v", wrong.Err)
			return // where the next row begins is not known
		}
		line, _ := c.FieldPos(0)
		if len(cells) > len(head) {
			if !r.wrong(line, "%d cells, but %d columns", len(cells), len(head)) {
				return
			}
			continue
		}
		row := newAssetRow()
		for i, cell := range cells {
			row.text(head[i], strings.TrimSpace(cell))
		}
		if !r.add(line, row) {
			return
		}
	}
}

// head checks the names of columns, and tells whether rows can be read.
func (r *assetReader) head(names []string) bool {
	if len(names) > maxAssetColumns {
		r.wrong(1, "%d columns, at most %d are allowed", len(names), maxAssetColumns)
	}
	key := false
	for i, n := range names {
		names[i] = strings.TrimSpace(n)
		if slices.Contains(names[:i], names[i]) {
			r.wrong(1, "column %q is there twice", names[i])
		}
		if isAssetKey(names[i]) {
			key = true
		} else if err := checkAssetField(names[i]); err != nil {
			r.wrong(1, "%v", err)
		}
	}
	if !key {
		r.wrong(1, "want a column that says what a row is of: %s", strings.Join(assetKeyNames(), ", "))
	}
	return len(r.mistakes) == 0
}

// ndjson reads one flat object a line.
func (r *assetReader) ndjson(text []byte) {
	line := 0
	for raw := range bytes.Lines(text) {
		line++
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var object map[string]any
		err := d.Decode(&object)
		if err == nil {
			if _, more := d.Token(); !errors.Is(more, io.EOF) {
				err = errors.New("want one object a line")
			}
		}
		if err != nil {
			if !r.wrong(line, "%v", err) {
				return
			}
			continue
		}
		if len(object) > maxAssetColumns {
			r.wrong(line, "%d fields, at most %d are allowed", len(object), maxAssetColumns)
			return
		}
		row := newAssetRow()
		for _, name := range slices.Sorted(maps.Keys(object)) { // what an event gets has one order
			row.value(name, object[name])
		}
		if !r.add(line, row) {
			return
		}
	}
}

// add adds a row to the tables, and tells whether to go on.
func (r *assetReader) add(line int, row *assetRow) bool {
	r.assets.rows++
	switch {
	case row.err != nil:
		return r.wrong(line, "%v", row.err)
	case row.keyed == 0 && row.empty():
		r.assets.rows--
		return true
	case row.keyed != 1:
		return r.wrong(line, "want exactly one of %s, have %d", strings.Join(assetKeyNames(), ", "), row.keyed)
	case row.empty():
		return r.wrong(line, "it sets no field")
	case r.assets.rows > maxAssetRows:
		r.wrong(line, "there are more than %d rows in all tables", maxAssetRows)
		return false
	}
	a := &asset{fields: row.event.Fields(), where: fmt.Sprintf("%s line %d", r.name, line)}
	if old := r.assets.insert(row.key, row.keyText, row.prefix, a); old != nil {
		return r.wrong(line, "%s %s is in %s too", row.key, row.keyText, old.where)
	}
	return true
}

// insert adds a row under its key, and returns the one that has it already.
func (t *assets) insert(key, text string, in netip.Prefix, a *asset) *asset {
	var names *map[string]*asset
	switch key {
	case "host":
		names = &t.hosts
	case "user":
		names = &t.users
	default:
		return t.addrs[addrColumn(key)].add(in, a)
	}
	if *names == nil {
		*names = map[string]*asset{}
	}
	text = strings.ToLower(text)
	if old := (*names)[text]; old != nil {
		return old
	}
	(*names)[text] = a
	return nil
}

// addrColumn returns the number of a column of addresses, -1 if it is none.
func addrColumn(name string) int {
	switch name {
	case "ip":
		return columnAnyIP
	case "host.ip":
		return columnHostIP
	}
	return slices.IndexFunc(sideIPs[:], func(k event.Key) bool { return k.String() == name })
}

func isAssetKey(name string) bool { return name == "host" || name == "user" || addrColumn(name) >= 0 }

func assetKeyNames() []string {
	names := []string{"ip", "host", "user", "host.ip"}
	for _, k := range sideIPs {
		names = append(names, k.String())
	}
	return names
}

// reservedFields begin the names of fields that tables cannot set: what an event
// is, and what was found of it, is not for them to say.
var reservedFields = []string{"event.", "error.", "rule.", "waf.", "verdict.", "finding.", "gatewatch.", "threat."}

// checkAssetField tells why a column cannot be a field.
func checkAssetField(name string) error {
	ok := name != "" && len(name) <= 128
	for part := range strings.SplitSeq(name, ".") {
		ok = ok && part != "" && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	}
	if !ok {
		return fmt.Errorf("column %q is no field name: want lower-case words with dots, such as labels.owner", name)
	}
	if name == event.Message.String() || slices.ContainsFunc(reservedFields, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return fmt.Errorf("column %q: tables cannot set this field", name)
	}
	return nil
}

// assetRow is a row while it is read.
type assetRow struct {
	event        *event.Event // holds its fields
	key, keyText string
	prefix       netip.Prefix
	keyed        int // how many keys it has
	err          error
}

func newAssetRow() *assetRow { return &assetRow{event: new(event.Event)} }

func (r *assetRow) empty() bool { return len(r.event.Fields()) == 0 }

func (r *assetRow) check(err error) {
	if r.err == nil {
		r.err = err
	}
}

// value sets a field or key from JSON.
func (r *assetRow) value(name string, v any) {
	if _, ok := v.(string); isAssetKey(name) {
		if !ok {
			r.check(fmt.Errorf("%s: want a text", name))
		}
	} else if err := checkAssetField(name); err != nil {
		r.check(err)
		return
	}
	switch v := v.(type) {
	case string:
		r.text(name, v)
	case bool:
		r.event.Add(event.Intern(name), event.Bool(v))
	case json.Number:
		if n, err := v.Int64(); err == nil {
			r.event.AddInt(event.Intern(name), n)
		} else if f, err := v.Float64(); err == nil && !math.IsInf(f, 0) {
			r.event.Add(event.Intern(name), event.Float(f))
		} else {
			r.check(fmt.Errorf("%s: number %s is too large", name, v))
		}
	case nil:
	default:
		r.check(fmt.Errorf("%s: want a text, a number, true or false", name))
	}
}

// text sets a field or key from text.
func (r *assetRow) text(name, text string) {
	switch {
	case text == "":
	case len(text) > maxAssetValue || !utf8.ValidString(text):
		r.check(fmt.Errorf("%s: want UTF-8 of at most %d bytes", name, maxAssetValue))
	case isAssetKey(name):
		r.keyed++
		r.key, r.keyText = name, text
		if addrColumn(name) >= 0 {
			var err error
			r.prefix, err = parsePrefix(text)
			r.check(err)
		}
	default:
		r.event.AddTyped(event.Intern(name), text)
	}
}

// parsePrefix reads an address or a prefix, whose host bits must be 0.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, ok := event.ParseIP(text); ok {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a prefix such as 10.1.0.0/16", text)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%s is not a prefix; did you mean %s?", p, p.Masked())
	}
	return p, nil
}
