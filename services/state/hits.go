package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// dayOf is the number of the day of a time in UTC.
func dayOf(t time.Time) int64 { return t.Unix() / (24 * 3600) }

// maxHits bounds the count of a rule on a node and day: who reports them must not make
// a sum that cannot be read.
const maxHits = 1 << 50

// AddHits counts how often rules of exclusions took effect on a node, today. More than
// 1<<50 of a rule in a day are not counted.
func (d *DB) AddHits(ctx context.Context, node string, hits map[int64]int64) error {
	today := dayOf(d.now())
	err := d.change(ctx, func(tx *sql.Tx) error {
		for rule, n := range hits {
			_, err := tx.ExecContext(ctx, `INSERT INTO rule_hits (rule, day, node, hits) VALUES (?, ?, ?, ?)
				ON CONFLICT (rule, day, node) DO UPDATE SET hits = MIN(rule_hits.hits + excluded.hits, ?)`,
				rule, today, text(node), min(max(n, 0), maxHits), maxHits)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count hits of rules: %w", err)
	}
	return nil
}

// Hits says how often the rule of an exclusion took effect.
type Hits struct {
	Rule  int64
	Total int64
	Last  time.Time // the beginning of the last day on which it did
}

// Hits returns the counts since a time, by rule; the zero time is no bound.
func (d *DB) Hits(ctx context.Context, since time.Time) (map[int64]Hits, error) {
	first := int64(0)
	if !since.IsZero() {
		first = dayOf(since)
	}
	all, err := list(ctx, d.read, func(r row) (h Hits, err error) {
		var last int64
		err = r.Scan(&h.Rule, &h.Total, &last)
		h.Last = time.Unix(last*24*3600, 0).UTC()
		return h, err
	}, "SELECT rule, CAST(MIN(TOTAL(hits), 4e18) AS INTEGER), MAX(day) FROM rule_hits WHERE day >= ? GROUP BY rule", first)
	if err != nil {
		return nil, fmt.Errorf("list hits of rules: %w", err)
	}
	byRule := make(map[int64]Hits, len(all))
	for _, h := range all {
		byRule[h.Rule] = h
	}
	return byRule, nil
}
