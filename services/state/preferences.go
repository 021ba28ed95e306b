package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Bounds of what a person can set and save.
const (
	maxPreferences = 64
	maxPreference  = 8 << 10
	maxSearches    = 500
	maxSearch      = 32 << 10
)

// Preferences returns what somebody has set, by name.
func (d *DB) Preferences(ctx context.Context, actor string) (map[string]string, error) {
	set, err := preferencesOf(d.read.QueryRowContext(ctx, preferencesQuery, actor))
	if err != nil {
		return nil, fmt.Errorf("read preferences: %w", explain(err))
	}
	return set, nil
}

const preferencesQuery = "SELECT content FROM preferences WHERE actor = ?"

func preferencesOf(r row) (map[string]string, error) {
	set := map[string]string{}
	var content string
	err := r.Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return set, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(content), &set)
	}
	return set, err
}

// SetPreferences changes some of what somebody has set; an empty value takes one
// away. It returns all that is set then.
func (d *DB) SetPreferences(ctx context.Context, actor string, changed map[string]string) (set map[string]string, err error) {
	for name, value := range changed {
		if len(value) > maxPreference || value != string([]rune(value)) {
			return nil, fmt.Errorf("set preferences: %q %w: want at most %d bytes of text", name, ErrInvalid, maxPreference)
		}
	}
	err = d.change(ctx, func(tx *sql.Tx) error {
		if set, err = preferencesOf(tx.QueryRowContext(ctx, preferencesQuery, actor)); err != nil {
			return err
		}
		maps.Copy(set, changed)
		maps.DeleteFunc(set, func(_, value string) bool { return value == "" })
		if len(set) > maxPreferences {
			return fmt.Errorf("preferences %w: there may be %d", ErrInvalid, maxPreferences)
		}
		content, err := json.Marshal(set)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO preferences (actor, content, update_time) VALUES (?, ?, ?)
			ON CONFLICT (actor) DO UPDATE SET content = excluded.content, update_time = excluded.update_time`,
			actor, string(content), d.now().UnixNano())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("set preferences: %w", err)
	}
	return set, nil
}

// SavedSearch is a search that somebody keeps.
type SavedSearch struct {
	ID, Owner, Name  string
	Shared           bool // others see it
	Content          SearchContent
	Created, Updated time.Time
}

// SearchContent is what is searched.
type SearchContent struct {
	Query   string   `json:"query"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Columns []string `json:"columns"`
}

const searchColumns = "id, owner, shared, name, content, create_time, update_time"

func searchOf(r row) (SavedSearch, error) {
	var s SavedSearch
	var content string
	var created, updated int64
	err := r.Scan(&s.ID, &s.Owner, &s.Shared, &s.Name, &content, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("search: %w", ErrNotFound)
	}
	if err == nil {
		err = json.Unmarshal([]byte(content), &s.Content)
	}
	s.Created, s.Updated = moment(created), moment(updated)
	return s, err
}

// SavedSearches returns the searches of somebody and those that others share, in
// order of their names.
func (d *DB) SavedSearches(ctx context.Context, owner string) ([]SavedSearch, error) {
	all, err := list(ctx, d.read, searchOf, "SELECT "+searchColumns+" FROM searches WHERE owner = ? OR shared = 1 ORDER BY name, id", owner)
	if err != nil {
		return nil, fmt.Errorf("list searches: %w", err)
	}
	return all, nil
}

// SaveSearch keeps a search under its id: a new one, or another content of one of
// the same owner. ErrNotFound: fresh is false and its owner has none of that id.
func (d *DB) SaveSearch(ctx context.Context, s SavedSearch, fresh bool) (SavedSearch, error) {
	content, err := json.Marshal(s.Content)
	if err != nil {
		return s, fmt.Errorf("save search: %w", err)
	}
	if s.Name == "" || len(s.Name) > maxName || s.Name != text(s.Name) || len(content) > maxSearch {
		return s, fmt.Errorf("save search: search %w: want a name of 1 to %d bytes of text and at most %d bytes in all", ErrInvalid, maxName, maxSearch)
	}
	now := d.now()
	err = d.change(ctx, func(tx *sql.Tx) error {
		if !fresh {
			n, err := rows(tx.ExecContext(ctx, "UPDATE searches SET shared = ?, name = ?, content = ?, update_time = ? WHERE id = ? AND owner = ?",
				bit(s.Shared), s.Name, string(content), now.UnixNano(), s.ID, s.Owner))
			if err == nil && n == 0 {
				err = fmt.Errorf("search: %w", ErrNotFound)
			}
			return err
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM searches WHERE owner = ?", s.Owner).Scan(&count); err != nil {
			return err
		}
		if count >= maxSearches {
			return fmt.Errorf("search %w: there are %d already", ErrInvalid, maxSearches)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO searches ("+searchColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
			s.ID, s.Owner, bit(s.Shared), s.Name, string(content), now.UnixNano(), now.UnixNano())
		return err
	})
	if err == nil {
		s, err = searchOf(d.read.QueryRowContext(ctx, "SELECT "+searchColumns+" FROM searches WHERE id = ?", s.ID))
	}
	if err != nil {
		return s, fmt.Errorf("save search: %w", explain(err))
	}
	return s, nil
}

// DeleteSearch deletes a search of an owner, of anyone if that is "".
func (d *DB) DeleteSearch(ctx context.Context, id, owner string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		n, err := rows(tx.ExecContext(ctx, "DELETE FROM searches WHERE id = ? AND (? = '' OR owner = ?)", id, owner, owner))
		if err == nil && n == 0 {
			err = fmt.Errorf("search: %w", ErrNotFound)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete search: %w", err)
	}
	return nil
}
