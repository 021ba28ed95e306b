package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A sample is a file of real events as both servers get them, and what is asked
// of it: the answers are counted in the file itself.
type sample struct {
	truth
	left      int      // events of the file without a time
	newest    []string // times of the newest 100, in order
	substring string   // in the messages
	field     string   // of which each event that has it has one text
	most      int      // events of its most frequent value
	having    int      // events that have it
}

// maxSampleLine bounds a line of the file, bytes.
const maxSampleLine = 1 << 20

// reserved names are of what each server says itself.
var reserved = []string{"event.original", "event.id", "event.ingested"}

// prepare reads events, an object of JSON a line, and writes them as both servers
// understand them alike: flat, with a time, and with a message, that is the
// original line where there is none.
func prepare(in io.Reader, out io.Writer) (*sample, error) {
	s := &sample{}
	var all []map[string]any
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxSampleLine)
	w := bufio.NewWriter(out)
	for lines.Scan() {
		var nested map[string]any
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber() // as it is written
		if err := d.Decode(&nested); err != nil {
			return nil, fmt.Errorf("read event %d: %w", s.Events+s.left+1, err)
		}
		e := map[string]any{}
		flatten(e, "", nested)
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e["@timestamp"]))
		if err != nil {
			s.left++
			continue
		}
		if _, ok := e["message"]; !ok {
			e["message"] = e["event.original"]
		}
		for _, name := range reserved {
			delete(e, name)
		}
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return nil, err
		}
		s.count(at.UTC(), len(line)+1)
		all = append(all, e)
	}
	if err := errors.Join(lines.Err(), w.Flush()); err != nil {
		return nil, err
	}
	if s.Events == 0 {
		return nil, errors.New("read events: none has a time")
	}
	s.choose(all)
	return s, nil
}

// flatten adds the members of an object under dotted names, without those that
// are null or empty, which one of the servers does not keep.
func flatten(to map[string]any, prefix string, from map[string]any) {
	for name, v := range from {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			flatten(to, prefix+name+".", v)
		default:
			if text, ok := v.(string); !ok || text != "" {
				to[prefix+name] = v
			}
		}
	}
}

// count adds an event to the bounds.
func (s *sample) count(at time.Time, size int) {
	if s.Events == 0 || at.Before(s.From) {
		s.From = at
	}
	if end := at.Truncate(time.Second).Add(time.Second); end.After(s.To) { // servers are asked in seconds
		s.To = end
	}
	s.Events++
	s.Bytes += int64(size)
}

// choose finds what to ask for.
func (s *sample) choose(all []map[string]any) {
	values := map[string]map[string]int{}
	mixed := map[string]bool{}
	for _, e := range all {
		s.newest = append(s.newest, timeOf(e["@timestamp"].(string)))
		for name, v := range e {
			text, ok := v.(string)
			if mixed[name] = mixed[name] || !ok; mixed[name] || name == "@timestamp" || name == "message" {
				continue
			}
			if values[name] == nil {
				values[name] = map[string]int{}
			}
			values[name][text]++
		}
	}
	slices.SortFunc(s.newest, func(a, b string) int { return strings.Compare(b, a) })
	s.newest = s.newest[:min(100, len(s.newest))]
	for name, counts := range values {
		having, most := 0, 0
		for _, n := range counts {
			having, most = having+n, max(most, n)
		}
		better := having > s.having || having == s.having && len(counts) > len(values[s.field])
		if !mixed[name] && len(counts) > 1 && len(counts) <= len(all)/4+2 && (better || having == s.having && len(counts) == len(values[s.field]) && name < s.field) {
			s.field, s.having, s.most = name, having, most
		}
	}
	s.substring, s.Holding = rareIn(all)
}

// timeOf returns a time in the form in which texts have the order of times.
func timeOf(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return at.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// rareIn returns a piece of a message that between a hundredth and a fifth of the
// events have in theirs, written in one way only, and how many do.
func rareIn(all []map[string]any) (string, int) {
	const size, tries = 7, 400
	text := func(e map[string]any) string { t, _ := e["message"].(string); return t }
	best, count := "", 0
	for i := range tries {
		m := text(all[i*(len(all)-1)/tries])
		at := (i * 37) % max(1, len(m)-size)
		if at+size > len(m) || strings.ContainsFunc(m[at:at+size], func(r rune) bool { return !isPlain(r) }) {
			continue
		}
		s := m[at : at+size]
		exact, any := 0, 0
		for _, e := range all {
			if strings.Contains(text(e), s) {
				exact++
			}
			if strings.Contains(strings.ToLower(text(e)), strings.ToLower(s)) {
				any++
			}
		}
		if exact == any && (best == "" || exact >= len(all)/100 && exact <= len(all)/5) {
			if best, count = s, exact; exact >= len(all)/100 && exact <= len(all)/5 {
				break
			}
		}
	}
	return best, count
}

// isPlain tells characters that mean nothing in any query, nor escape anything.
func isPlain(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '/' || r == '-' || r == '_'
}

// questions returns what is asked of it.
func (s *sample) questions() []question {
	all := fmt.Sprintf("_time:[%s, %s) ", s.From.Format(time.RFC3339Nano), s.To.Format(time.RFC3339Nano))
	both := func(filter string) []string {
		return []string{newest + all + filter, all + filter + " | sort by (_time desc) limit 100"}
	}
	list := []question{
		{name: "latest 100", goal: 0.3, want: min(100, s.Events), times: s.newest, rows: true, ours: "*", peer: both("*")},
	}
	if s.substring != "" {
		ours, theirs := fmt.Sprintf("message: *%s*", s.substring), fmt.Sprintf(`_msg:~"%s"`, s.substring)
		list = append(list,
			question{name: "substring, count", goal: 1, want: s.Holding, ours: ours + " | stats n = count()", peer: []string{all + theirs + " | stats count() n"}},
			question{name: "substring, last 100", goal: 0.4, want: min(100, s.Holding), rows: true, ours: ours, peer: both(theirs)})
	}
	if s.field != "" {
		ours := fmt.Sprintf("%s: * | stats n = count() by %[1]s", s.field)
		peer := []string{all + fmt.Sprintf("%q:* | stats by (%[1]q) count() n", s.field)}
		list = append(list,
			question{name: "count by, all", goal: 0.6, want: s.having, ours: ours, peer: peer},
			question{name: "count by, the most", goal: 0.6, want: s.most, best: true, ours: ours, peer: peer})
	}
	for i := range list {
		list[i].from = s.From
	}
	return list
}

// compareLines loads a file of real events into both servers and asks both.
func (o options) compareLines() error {
	in, err := os.Open(o.lines)
	if err != nil {
		return err
	}
	defer in.Close()
	file := filepath.Join(o.work, "lines.ndjson")
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	s, err := prepare(in, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	fmt.Printf("%d events of %s, %.0f bytes each, on processors %s; %d more have no time\nsubstring %s, field %s\n\n",
		s.Events, filepath.Base(o.lines), float64(s.Bytes)/float64(s.Events), o.cores, s.left, s.substring, s.field)
	kind, _, _ := strings.Cut(o.inputs, ",")
	if err := o.compareIntake(kind, file, &s.truth); err != nil || o.peer == "" {
		return err
	}
	ours, folder := o.gatewatch(kind, &s.truth)
	peer, peerFolder := o.victoriaLogs()
	pair, folders := [2]contender{peer, ours}, [2]string{peerFolder, folder}
	for i, c := range pair {
		if err := merge(c, folders[i], s.Events); err != nil {
			return err
		}
	}
	return o.clock().compareQueries(os.Stdout, pair, folders, s.questions(), o.runs, o.cold)
}
