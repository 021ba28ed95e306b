package rules

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

var hitInputs = flag.String("hits", "", "count what the pack finds in files: NAME=KIND:PATTERN, several with commas between; KIND is a format, requests, decisions or observed")

// reader gives the events of one line of a file to use, in the order of the file.
type reader interface {
	read(line []byte, use func(*event.Event)) error
}

// logReader reads records of a format.
type logReader struct {
	format  *parse.Format
	context parse.Context
}

func (r *logReader) read(line []byte, use func(*event.Event)) error {
	if r.format.Header != nil && r.format.Header(line) {
		r.context.Header = string(line)
		return nil
	}
	e := new(event.Event)
	if r.format.Read(line, &r.context, e) == nil {
		use(e)
	}
	return nil // a line of something else
}

// counter counts what the pack finds.
type counter struct {
	pack       *pack
	matcher    *sigma.Matcher
	correlator *sigma.Correlator
	events     int
	hits       map[string]int // by the name of the rule or correlation
}

func (p *pack) newCounter() *counter {
	return &counter{
		pack: p, matcher: p.engine.NewMatcher(),
		correlator: sigma.NewCorrelator(p.links, sigma.CorrelatorConfig{}), hits: map[string]int{},
	}
}

func (c *counter) count(e *event.Event) {
	c.events++
	e.Received = e.Time
	matches := c.matcher.Match(nil, e)
	for _, m := range matches {
		c.hits[m.Rule.Name]++
	}
	c.correlator.Observe(e, matches, func(f *sigma.Firing) { c.hits[f.Correlation.Name]++ })
}

// TestHits counts what the pack finds in the files that the flag names, and prints
// the table that the README shows. Without files it counts the examples that must
// match, where each rule has at least one hit.
func TestHits(t *testing.T) {
	p := loadPack(t)
	if *hitInputs == "" {
		c := p.newCounter()
		for _, r := range p.set.Rules {
			for _, x := range examplesOf(t, &r.Header) {
				events, err := eventsOf(x)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					c.count(e)
				}
			}
		}
		for _, r := range p.set.Rules {
			if c.hits[r.Name] == 0 {
				t.Errorf("%s has no hit in %d events", r.Name, c.events)
			}
		}
		return
	}
	var names []string
	var columns []*counter
	for input := range strings.SplitSeq(*hitInputs, ",") {
		name, source, _ := strings.Cut(input, "=")
		kind, pattern, ok := strings.Cut(source, ":")
		if !ok {
			t.Fatalf("-hits: %q is not NAME=KIND:PATTERN", input)
		}
		c := p.newCounter()
		if err := c.countFiles(kind, pattern); err != nil {
			t.Fatal(err)
		}
		names, columns = append(names, name), append(columns, c)
	}
	p.print(os.Stdout, names, columns)
}

// countFiles counts all files that a pattern names. There must be at least one event.
func (c *counter) countFiles(kind, pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	r, err := newReader(kind)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := c.countFile(r, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if c.events == 0 {
		return fmt.Errorf("no event in %s", pattern)
	}
	return nil
}

// readers are the kinds of files besides the formats of logs.
var readers = map[string]func() (reader, error){}

func newReader(kind string) (reader, error) {
	if open, ok := readers[kind]; ok {
		return open()
	}
	f, ok := parse.Lookup(kind)
	if !ok {
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	return &logReader{format: f, context: parse.Context{Received: received.UnixNano()}}, nil
}

func (c *counter) countFile(r reader, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			if err := r.read(line, c.count); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// print writes a line for each rule and correlation.
func (p *pack) print(w io.Writer, names []string, columns []*counter) {
	fmt.Fprintf(w, "| rule | level | %s |\n|---|---|%s\n| events |  |", strings.Join(names, " | "), strings.Repeat("--:|", len(names)))
	for _, c := range columns {
		fmt.Fprintf(w, " %d |", c.events)
	}
	fmt.Fprintln(w)
	headers := p.headers()
	for _, at := range slices.Sorted(maps.Keys(headers)) {
		h := headers[at]
		fmt.Fprintf(w, "| %s | %s |", h.Name, h.Level)
		for _, c := range columns {
			fmt.Fprintf(w, " %d |", c.hits[h.Name])
		}
		fmt.Fprintln(w)
	}
}
