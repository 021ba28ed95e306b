package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gatewatch is a whole server with its queue, pipeline and store.
type gatewatch struct {
	program, dir, cores string
	bulk                bool     // send to _bulk, not to raw/ecs
	options             []string // of serve

	addresses struct{ HTTP, Ingest string }
	token     string
	body      []byte
	to        time.Time
}

func (g *gatewatch) name() string { return "Gatewatch" }

func (g *gatewatch) data() string { return filepath.Join(g.dir, "data") }

func (g *gatewatch) start() (*process, error) {
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	listen := filepath.Join(g.data(), "listen.json")
	if err := os.Remove(listen); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	args := append([]string{
		"serve", "--data", g.data(), "--log.level", "warn", "--listen.http", "127.0.0.1:0",
		"--listen.ingest", "127.0.0.1:0", "--listen.grpc", "", "--listen.syslog", "",
	}, g.options...)
	p, err := launch(g.dir+".log", g.cores, g.program, args...)
	if err != nil {
		return nil, err
	}
	for range 3000 {
		b, err := os.ReadFile(listen)
		if err == nil && json.Unmarshal(b, &g.addresses) == nil && g.addresses.HTTP != "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := reachable(p, "http://"+g.addresses.HTTP+"/readyz"); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(g.data(), "admin.token"))
	g.token = strings.TrimSpace(string(token))
	return p, err
}

func (g *gatewatch) insert(lines []byte) error {
	path, body := "/raw/ecs?source=bench", lines
	if g.bulk {
		path, body = "/_bulk?filter_path=errors", g.actions(lines)
	}
	req, err := post("http://"+g.addresses.Ingest+path, "application/x-ndjson", body)
	if err != nil {
		return err
	}
	answer, err := call(req)
	if err != nil {
		return err
	}
	var said struct {
		Accepted int
		Errors   bool
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if n := bytes.Count(lines, []byte{'\n'}); said.Errors || !g.bulk && said.Accepted != n {
		return fmt.Errorf("%d lines sent, answer %.300s", n, answer)
	}
	return nil
}

// actions puts the line of an action before each document.
func (g *gatewatch) actions(lines []byte) []byte {
	g.body = g.body[:0]
	for line := range bytes.Lines(lines) {
		g.body = append(append(g.body, "{\"create\":{\"_index\":\"bench\"}}\n"...), line...)
	}
	return g.body
}

func (g *gatewatch) ask(q *question, form string) ([]byte, error) {
	path := "aggregate"
	ask := map[string]any{"query": form, "to": g.to.Format(time.RFC3339)}
	if q.rows {
		path, ask["page_size"] = "search", 100
	}
	if !q.from.IsZero() {
		ask["from"] = q.from.Format(time.RFC3339)
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	req, err := post("http://"+g.addresses.HTTP+"/api/v1/"+path, "application/json", body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+g.token)
	return call(req)
}

func (g *gatewatch) answer(q *question, body []byte) (int, error) {
	var said struct {
		Events  []json.RawMessage
		Columns []string
		Rows    [][]any
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	if q.rows {
		return len(said.Events), nil
	}
	column, result := slices.Index(said.Columns, "n"), 0
	for _, row := range said.Rows {
		n, ok := row[max(column, 0)].(float64)
		if column < 0 || !ok {
			return 0, fmt.Errorf("read answer: no figure in %v", row)
		}
		if q.best {
			result = max(result, int(n))
		} else {
			result += int(n)
		}
	}
	return result, nil
}

// stored tells how many events can be found, besides what rules found in them.
func (g *gatewatch) stored() (int, error) {
	q := &question{}
	body, err := g.ask(q, "not event.dataset: gatewatch.finding | stats n = count()")
	if err != nil {
		return 0, err
	}
	return g.answer(q, body)
}
