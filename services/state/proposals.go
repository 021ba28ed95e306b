package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// ProposalStatus is where a proposal stands.
type ProposalStatus string

// The life of a proposal.
const (
	Proposed   ProposalStatus = "proposed"
	Applied    ProposalStatus = "applied"     // in the bundle that it names
	Expired    ProposalStatus = "expired"     // its time was over, and it was taken out
	Retired    ProposalStatus = "retired"     // nobody wants it any more
	RolledBack ProposalStatus = "rolled_back" // it was taken out again
)

// Proposal is a change of the rules of a WAF.
type Proposal struct {
	ID        int64  // of the rule that the change is made of
	Kind      string // such as exclusion
	Name      string // of the change: equal ones are one proposal
	Site      string
	Path      string
	Directive string
	Portable  string // for ModSecurity, "" where that is the same
	Content   string // JSON: what speaks for it and against it
	Status    ProposalStatus
	Bundle    string // that it was put into
	Owner     string
	Reason    string
	Expires   time.Time // zero for never
	Created   time.Time
	Updated   time.Time
}

const (
	proposalColumns = "id, kind, name, site, path, directive, portable, content, status, bundle, owner, reason, expires, created, last_update"
	proposalMarks   = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

// Bounds of proposals, in bytes and rows.
const (
	maxProposal  = 1 << 20
	maxProposals = 20_000
)

// idleProposal is how long a proposal stays that nobody has done anything about.
const idleProposal = 30 * 24 * time.Hour

func proposalOf(r row) (p Proposal, err error) {
	var expires, created, updated int64
	err = r.Scan(&p.ID, &p.Kind, &p.Name, &p.Site, &p.Path, &p.Directive, &p.Portable, &p.Content, &p.Status, &p.Bundle, &p.Owner, &p.Reason,
		&expires, &created, &updated)
	if expires != 0 {
		p.Expires = moment(expires)
	}
	p.Created, p.Updated = moment(created), moment(updated)
	return p, err
}

func (p *Proposal) values() []any {
	expires := int64(0)
	if !p.Expires.IsZero() {
		expires = p.Expires.UnixNano()
	}
	return []any{
		p.ID, text(p.Kind), text(p.Name), text(p.Site), text(p.Path), p.Directive, p.Portable, p.Content,
		string(p.Status), text(p.Bundle), text(p.Owner), text(p.Reason), expires, p.Created.UnixNano(), p.Updated.UnixNano(),
	}
}

// NextProposal returns an id from first on that no proposal has, nor any after it.
func (d *DB) NextProposal(ctx context.Context, first int64) (next int64, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) + 1 FROM proposals").Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("find id of a proposal: %w", explain(err))
	}
	return max(next, first), nil
}

// AddProposals keeps proposals, in one transaction. Where an equal one is still open,
// that one stays under its id, with the new content; all is changed to what is kept.
// Open ones go whose ids are in gone, and those that nobody has acted on for 30 days, but
// for those whose ids are in used.
func (d *DB) AddProposals(ctx context.Context, all []Proposal, used, gone []int64) error {
	now := d.now()
	err := d.change(ctx, func(tx *sql.Tx) error {
		in, err := json.Marshal(append([]int64{}, used...))
		if err != nil {
			return err
		}
		out, err := json.Marshal(append([]int64{}, gone...))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM proposals WHERE status = ? AND (last_update < ? OR id IN (SELECT value FROM json_each(?))) AND id NOT IN (SELECT value FROM json_each(?))",
			string(Proposed), now.Add(-idleProposal).UnixNano(), string(out), string(in)); err != nil {
			return err
		}
		for i := range all {
			all[i].Status, all[i].Created, all[i].Updated = Proposed, now, now
			if err := addProposal(ctx, tx, &all[i]); err != nil {
				return err
			}
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM proposals").Scan(&n); err != nil {
			return err
		}
		if n > maxProposals {
			return fmt.Errorf("proposals %w: there are more than %d", ErrInvalid, maxProposals)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add proposals: %w", err)
	}
	return nil
}

func addProposal(ctx context.Context, tx *sql.Tx, p *Proposal) error {
	if len(p.Content)+len(p.Directive)+len(p.Portable) > maxProposal || !utf8.ValidString(p.Content+p.Directive+p.Portable) {
		return fmt.Errorf("proposal %d %w: want UTF-8 of at most %d bytes", p.ID, ErrInvalid, maxProposal)
	}
	open, err := proposalOf(tx.QueryRowContext(ctx, "SELECT "+proposalColumns+" FROM proposals WHERE name = ? AND status = ?", text(p.Name), string(Proposed)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, "INSERT INTO proposals ("+proposalColumns+") VALUES "+proposalMarks, p.values()...)
		return err
	case err != nil:
		return err
	}
	open.Content, open.Updated = p.Content, p.Updated
	*p = open
	_, err = tx.ExecContext(ctx, "UPDATE proposals SET content = ?, last_update = ? WHERE id = ?", p.Content, p.Updated.UnixNano(), p.ID)
	return err
}

// Proposal returns one.
func (d *DB) Proposal(ctx context.Context, id int64) (Proposal, error) {
	p, err := proposalOf(d.read.QueryRowContext(ctx, "SELECT "+proposalColumns+" FROM proposals WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read proposal %d: %w", id, explain(err))
	}
	return p, nil
}

// Proposals returns at most limit proposals of a status, "" for any, with ids above
// after, by their ids.
func (d *DB) Proposals(ctx context.Context, status ProposalStatus, after int64, limit int) ([]Proposal, error) {
	all, err := list(ctx, d.read, proposalOf, "SELECT "+proposalColumns+" FROM proposals WHERE (? = '' OR status = ?) AND id > ? ORDER BY id LIMIT ?",
		string(status), string(status), after, limit)
	if err != nil {
		return nil, fmt.Errorf("list proposals: %w", err)
	}
	return all, nil
}

// UpdateProposal changes status, bundle, owner, reason and expiry. ErrConflict means
// that the proposal was changed since it was read; on return p is as it is kept.
func (d *DB) UpdateProposal(ctx context.Context, p *Proposal) error {
	now := d.now()
	if !now.After(p.Updated) {
		now = p.Updated.Add(1) // so that another change in the same moment is told
	}
	next := *p
	next.Updated = now
	v := next.values()
	err := d.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "UPDATE proposals SET status = ?, bundle = ?, owner = ?, reason = ?, expires = ?, last_update = ? WHERE id = ? AND last_update = ?",
			v[8], v[9], v[10], v[11], v[12], v[14], p.ID, p.Updated.UnixNano())
		if n, err := rows(r, err); err != nil || n > 0 {
			return err
		}
		return ErrConflict
	})
	if err != nil {
		return fmt.Errorf("update proposal %d: %w", p.ID, err)
	}
	*p = next
	return nil
}
