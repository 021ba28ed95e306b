package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Source is a sender of records that has been seen.
type Source struct {
	Name     string
	Formats  []string
	First    time.Time // when it was saved first; PutSources sets it
	Received time.Time // of its last record
}

// Node is a WAF node that has been seen.
type Node struct {
	Name, Version, Ruleset string
	Sites                  []string
	Peer                   string
	First                  time.Time // when it was saved first; PutNodes sets it
	Seen                   time.Time
}

// PutSources keeps what is known of sources, in one transaction.
func (d *DB) PutSources(ctx context.Context, all []Source) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		for _, s := range all {
			formats, err := json.Marshal(s.Formats)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO sources (name, formats, first_time, received_time) VALUES (?, ?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET formats = excluded.formats, received_time = excluded.received_time`,
				text(s.Name), string(formats), d.now().UnixNano(), nanos(s.Received)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put sources: %w", err)
	}
	return nil
}

// Sources returns the sources in order of their names.
func (d *DB) Sources(ctx context.Context) ([]Source, error) {
	all, err := list(ctx, d.read, sourceOf, "SELECT name, formats, first_time, received_time FROM sources ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return all, nil
}

func sourceOf(r row) (Source, error) {
	var s Source
	var formats string
	var first, received int64
	if err := r.Scan(&s.Name, &formats, &first, &received); err != nil {
		return s, err
	}
	s.First, s.Received = moment(first), moment(received)
	return s, json.Unmarshal([]byte(formats), &s.Formats)
}

// PutNodes keeps what is known of nodes, in one transaction.
func (d *DB) PutNodes(ctx context.Context, all []Node) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		for _, n := range all {
			sites, err := json.Marshal(n.Sites)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO nodes (name, version, ruleset, sites, peer, first_time, seen_time)
				VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version, ruleset = excluded.ruleset,
				sites = excluded.sites, peer = excluded.peer, seen_time = excluded.seen_time`,
				text(n.Name), text(n.Version), text(n.Ruleset), string(sites), text(n.Peer), d.now().UnixNano(), nanos(n.Seen)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put nodes: %w", err)
	}
	return nil
}

// Nodes returns the nodes in order of their names.
func (d *DB) Nodes(ctx context.Context) ([]Node, error) {
	all, err := list(ctx, d.read, nodeOf, "SELECT name, version, ruleset, sites, peer, first_time, seen_time FROM nodes ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return all, nil
}

func nodeOf(r row) (Node, error) {
	var n Node
	var sites string
	var first, seen int64
	if err := r.Scan(&n.Name, &n.Version, &n.Ruleset, &sites, &n.Peer, &first, &seen); err != nil {
		return n, err
	}
	n.First, n.Seen = moment(first), moment(seen)
	return n, json.Unmarshal([]byte(sites), &n.Sites)
}

// nanos is a time as it is kept; the zero time is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
