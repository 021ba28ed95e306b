package parse

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden events anew")

// minRecords is how many records the golden of a format shows at least.
const minRecords = 4

// goldenCase is one case of testdata/FORMAT.txtar. In the archive it is
//
//	-- NAME.ctx --   optional, lines "key: value": received (RFC 3339), zone,
//	                 peer, trusted (separated by commas), header
//	-- NAME.in --    records, one a line; a line that Format.Header takes
//	                 becomes the header of those that follow
//	-- NAME.want --  the events, one a line, without event.original and
//	                 event.ingested, which are the record and ctx.received
type goldenCase struct {
	name    string
	ctx     Context
	records [][]byte
	headers []string // header that governs the record of the same index
	want    string
}

// defaultReceived is the time of reception of a case that names none.
const defaultReceived = "2026-11-21T12:00:00Z"

func TestGolden(t *testing.T) {
	if len(Formats()) == 0 {
		t.Fatal("no format is registered")
	}
	for _, f := range Formats() {
		t.Run(f.Name, func(t *testing.T) {
			path := goldenPath(f)
			cases, archive := readGolden(t, f)
			records := 0
			for _, c := range cases {
				got := c.run(t, f)
				records += len(c.records)
				if *update {
					setFile(archive, c.name+".want", got)
				} else if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: events differ (-want +got):\n%s", c.name, diff)
				}
			}
			if records < minRecords {
				t.Errorf("%s shows %d records, want at least %d", path, records, minRecords)
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestGoldenFilesHaveFormats finds goldens of formats that are gone or renamed.
func TestGoldenFilesHaveFormats(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden found: %v", err)
	}
	for _, p := range paths {
		if _, ok := Lookup(strings.TrimSuffix(filepath.Base(p), ".txtar")); !ok {
			t.Errorf("%s belongs to no format", p)
		}
	}
}

// FuzzRecord gives any bytes to any format: an index into Formats, a header
// line and a record.
func FuzzRecord(f *testing.F) {
	for i, format := range Formats() {
		cases, _ := readGolden(f, format)
		if len(cases) == 0 {
			f.Fatalf("format %s has no seed", format.Name)
		}
		for _, c := range cases {
			for j, r := range c.records {
				f.Add(uint8(i), c.headers[j], r)
				f.Add(uint8(i), c.headers[j], r[:len(r)/2])
			}
		}
	}
	trusted, err := NewTrusted([]string{"10.0.0.0/8", "192.0.2.1", "::1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, index uint8, header string, raw []byte) {
		format := Formats()[int(index)%len(Formats())]
		c := &Context{Header: header, Peer: "10.1.2.3", Received: 1_763_726_400_000_000_000, Trusted: trusted}
		checkRecord(t, format, c, raw)
	})
}

// checkRecord holds what is true of every event that any parser makes.
func checkRecord(t *testing.T, f *Format, c *Context, raw []byte) {
	t.Helper()
	kept := bytes.Clone(raw)
	if f.Header != nil {
		f.Header(raw)
	}
	var e, again event.Event
	err := f.Read(raw, c, &e)
	if !bytes.Equal(raw, kept) {
		t.Fatalf("%s changed the record", f.Name)
	}
	if err != nil && !e.Has(event.ErrorMessage) {
		t.Errorf("%s returned %q and the event does not tell", f.Name, err)
	}
	if err != nil && (Reason(err) == "" || len(Reason(err)) > 40) {
		t.Errorf("%s: reason %q cannot be counted by", f.Name, Reason(err))
	}
	line := e.AppendJSON(nil)
	if !json.Valid(line) {
		t.Fatalf("%s made JSON that is not valid: %s", f.Name, line)
	}
	checkBounds(t, f, &e, len(raw)+len(c.Header))
	if againErr := f.Read(kept, c, &again); (err == nil) != (againErr == nil) || !bytes.Equal(line, again.AppendJSON(nil)) {
		t.Errorf("%s read the same record in two ways:\n%s\n%s", f.Name, line, again.AppendJSON(nil))
	}
	if len(raw) > 0 && len(e.Raw) == 0 {
		t.Errorf("%s lost the record", f.Name)
	}
}

// checkBounds bounds what one record makes of memory.
func checkBounds(t *testing.T, f *Format, e *event.Event, size int) {
	t.Helper()
	if n := len(e.Fields()); n > 2*event.MaxFields {
		t.Errorf("%s made %d fields", f.Name, n)
	}
	text := 0
	for _, v := range e.Fields() {
		text += len(v.Value.Text())
		if len(v.Key.String()) > event.MaxName {
			t.Errorf("%s made a name of %d bytes", f.Name, len(v.Key.String()))
		}
	}
	if text > 16*size+64<<10 {
		t.Errorf("%s made %d bytes of text from %d", f.Name, text, size)
	}
}

func (c *goldenCase) run(t *testing.T, f *Format) string {
	t.Helper()
	var out []byte
	for i, r := range c.records {
		ctx := c.ctx
		ctx.Header = c.headers[i]
		checkRecord(t, f, &ctx, r)
		var e event.Event
		err := f.Read(r, &ctx, &e)
		if (err != nil) != e.Has(event.ErrorMessage) && err != nil {
			t.Errorf("%s: error %v is not in the event", c.name, err)
		}
		e.Raw, e.Received = nil, 0
		out = append(e.AppendJSON(out), '\n')
	}
	return string(out)
}

func goldenPath(f *Format) string { return "testdata/" + f.Name + ".txtar" }

func readGolden(t testing.TB, f *Format) ([]*goldenCase, *txtar.Archive) {
	t.Helper()
	a, err := txtar.ParseFile(goldenPath(f))
	if err != nil {
		t.Fatalf("format %s has no golden: %v", f.Name, err)
	}
	cases := map[string]*goldenCase{}
	get := func(name string) *goldenCase {
		if cases[name] == nil {
			cases[name] = &goldenCase{name: name, ctx: Context{Received: mustTime(t, defaultReceived)}}
		}
		return cases[name]
	}
	for _, file := range a.Files {
		name, ext, _ := strings.Cut(file.Name, ".")
		c := get(name)
		switch ext {
		case "ctx":
			c.readContext(t, string(file.Data))
		case "in":
			c.readRecords(f, file.Data)
		case "want":
			c.want = string(file.Data)
		default:
			t.Fatalf("%s: file %s is neither .ctx, .in nor .want", goldenPath(f), file.Name)
		}
	}
	var list []*goldenCase
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		if len(cases[name].records) == 0 {
			t.Fatalf("%s: case %s has no record", goldenPath(f), name)
		}
		list = append(list, cases[name])
	}
	if len(list) == 0 {
		t.Fatalf("%s has no case", goldenPath(f))
	}
	return list, a
}

func (c *goldenCase) readContext(t testing.TB, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		var err error
		switch key {
		case "received":
			c.ctx.Received = mustTime(t, value)
		case "zone":
			c.ctx.Zone, err = time.LoadLocation(value)
		case "peer":
			c.ctx.Peer = value
		case "trusted":
			c.ctx.Trusted, err = NewTrusted(strings.Split(value, ","))
		case "header":
			c.ctx.Header = value
		default:
			err = fmt.Errorf("key %q is unknown", key)
		}
		if err != nil {
			t.Fatalf("%s.ctx: %v", c.name, err)
		}
	}
}

func (c *goldenCase) readRecords(f *Format, data []byte) {
	header := c.ctx.Header
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if f.Header != nil && f.Header(line) {
			header = string(line)
			continue
		}
		c.records = append(c.records, bytes.Clone(line))
		c.headers = append(c.headers, header)
	}
}

func mustTime(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixNano()
}

func setFile(a *txtar.Archive, name, data string) {
	at := -1
	base := strings.TrimSuffix(name, "want")
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(data)
			return
		}
		if a.Files[i].Name == base+"in" {
			at = i + 1
		}
	}
	a.Files = slices.Insert(a.Files, at, txtar.File{Name: name, Data: []byte(data)})
}
