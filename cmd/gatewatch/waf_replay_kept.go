package main

import (
	"errors"
	"iter"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
)

// keptReader calls yield with copies, and ends with its error.
type keptReader func(yield func(*kept.Copy) error) error

// kept yields the faithful copies of a reader, and counts the others.
func (r *replayRun) kept(read keptReader) iter.Seq2[*kept.Copy, error] {
	return func(yield func(*kept.Copy, error) bool) {
		err := read(func(c *kept.Copy) error {
			switch {
			case !c.Faithful:
				r.unfaithful.Add(1)
			case !yield(c, nil):
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// fromServer reads the copies of a server, which writes of it into its audit log.
func (r *replayRun) fromServer(yield func(*kept.Copy) error) error {
	v := r.flags.values()
	v.Set("content", "true")
	return eachKeptPage(r.cmd.Context(), &r.flags.remote, v, 0, func(page *keptPage) error {
		r.unreadable.Add(int64(page.Unreadable))
		r.partial = append(r.partial, page.Warnings...)
		ids := r.decisionIDs(page.Requests)
		for i := range page.Requests {
			c, err := page.Requests[i].copy()
			if err == nil {
				r.ids.add(c, ids[page.Requests[i].name()])
				err = yield(c)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// fromFolder reads the copies of a data folder, once its audit log tells of it.
func (r *replayRun) fromFolder(yield func(*kept.Copy) error) error {
	f := &queryFlags{data: r.flags.data, config: r.flags.config, from: r.flags.from, to: r.flags.to}
	span, err := readRange(f.from, f.to)
	if err != nil {
		return err
	}
	err = auditAct(r.cmd, f.data, audit.ActRequests, "replay", map[string]string{
		"filter": r.flags.filter, "from": leafTime(span.from), "to": leafTime(span.to),
	})
	if err != nil {
		return err
	}
	settings, err := loadSettings(f.config, f.data)
	if err != nil {
		return err
	}
	s, err := f.openLocal(r.cmd)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	q := kept.Query{Filter: r.flags.filter, From: span.from, To: span.to}
	page, err := requestLibrary(s, &requestKeys{settings: &settings}).Each(r.cmd.Context(), q, func(c *kept.Copy) error {
		id, err := decisionOf(r.cmd.Context(), s, c)
		if err != nil {
			return err
		}
		r.ids.add(c, id)
		return yield(c)
	})
	r.unreadable.Add(int64(page.Unreadable))
	r.partial = page.Partial
	if errors.Is(err, kept.ErrFilter) {
		return usagef("--filter: %w", err)
	}
	return err
}
