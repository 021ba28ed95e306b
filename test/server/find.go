package server

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Event is an event as gatewatch query prints it.
type Event map[string]any

// Text returns a field as text, the elements of a list joined by ", "; "" if
// the event does not have it.
func (e Event) Text(field string) string {
	switch v := e[field].(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return strings.Join(parts, ", ")
	default:
		return fmt.Sprint(v)
	}
}

// sequence is the last part of an id that the server made: the order of
// arrival, or the position in a file.
func (e Event) sequence() uint64 {
	id := e.Text("event.id")
	n, _ := strconv.ParseUint(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	return n
}

// Find returns the events that match, in the order in which their source sent
// them.
func (s *Server) Find(t testing.TB, query string) []Event {
	t.Helper()
	out, errs, err := s.Run("query", "-o", "ndjson", query)
	// That nothing has a field yet is no fault of the answer.
	for said := range strings.Lines(errs) {
		if !strings.HasPrefix(said, "warning: no event has the field ") {
			err = errors.Join(err, errors.New(said))
		}
	}
	if err != nil {
		t.Fatalf("query %s: %v; log: %s", query, err, s.Log())
	}
	return decode(t, out)
}

// FindPartly is Find for an answer that may not be whole; it also returns what
// the program says about that.
func (s *Server) FindPartly(t testing.TB, query string) ([]Event, string) {
	t.Helper()
	out, errs, err := s.Run("query", "-o", "ndjson", query)
	var exit *exec.ExitError
	partial := errors.As(err, &exit) && exit.ExitCode() == 1 && strings.Contains(errs, "the answer is not whole")
	if err != nil && !partial {
		t.Fatalf("query %s: %v: %s; log: %s", query, err, errs, s.Log())
	}
	return decode(t, out), errs
}

func decode(t testing.TB, out string) []Event {
	t.Helper()
	var events []Event
	for line := range strings.Lines(out) {
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var e Event
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.sequence(), b.sequence()) })
	return events
}

// Await waits until exactly n events match and returns them in the order in
// which their source sent them. More than n fail the test.
func (s *Server) Await(t testing.TB, query string, n int) []Event {
	t.Helper()
	var events []Event
	deadline := time.Now().Add(Patience)
	for {
		events = s.Find(t, query)
		if len(events) == n {
			return events
		}
		if len(events) > n || time.Now().After(deadline) {
			t.Fatalf("%s finds %d events, want %d: %v; log: %s", query, len(events), n, events, s.Log())
		}
		Pause(20 * time.Millisecond)
	}
}

// Metrics returns the samples of /metrics by name and labels as they are
// written there.
func (s *Server) Metrics(t testing.TB) map[string]float64 {
	t.Helper()
	m, err := s.ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ReadMetrics is Metrics for a server that may be gone.
func (s *Server) ReadMetrics() (map[string]float64, error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr.HTTP+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics answered %s", res.Status)
	}
	return samples(res.Body)
}

func samples(r io.Reader) (map[string]float64, error) {
	m := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, ok := cutLast(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("read sample %s: %w", name, err)
		}
		m[name] = v
	}
	return m, lines.Err()
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
