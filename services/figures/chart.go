package figures

import (
	"context"
	"errors"

	"github.com/gatewatch/gatewatch/dashboards"
)

// ErrNoDesk means that the process has no labels to estimate rates of.
var ErrNoDesk = errors.New("this process has no labels")

// Question is what a chart is asked for beside its time range.
type Question struct {
	Desk Desk              // nil if there is none
	To   *dashboards.Place // where the sites are, for arcs; nil if nobody has said
}

type chartFunc func(context.Context, *Reader, Question) (dashboards.Chart, error)

// charts count for each chart of package dashboards, by its name.
var charts = map[string]chartFunc{
	"traffic":   simple((*Reader).Traffic),
	"rules":     simple((*Reader).Rules),
	"attackers": simple((*Reader).Attackers),
	"targets":   simple((*Reader).Targets),
	"status":    simple((*Reader).Status),
	"upstreams": simple((*Reader).Upstreams),
	"whatif":    simple((*Reader).WhatIf),
	"rates": func(ctx context.Context, r *Reader, q Question) (dashboards.Chart, error) {
		if q.Desk == nil {
			return nil, ErrNoDesk
		}
		return r.Rates(ctx, q.Desk)
	},
	"arcs": func(ctx context.Context, r *Reader, q Question) (dashboards.Chart, error) { return r.Arcs(ctx, q.To) },
}

// simple makes a chart of a count that needs nothing but a time range.
func simple[C dashboards.Chart](count func(*Reader, context.Context) (C, error)) chartFunc {
	return func(ctx context.Context, r *Reader, _ Question) (dashboards.Chart, error) { return count(r, ctx) }
}

// Chart counts for the chart of a name, which is one of [dashboards.Names].
func (r *Reader) Chart(ctx context.Context, name string, q Question) (dashboards.Chart, error) {
	return charts[name](ctx, r, q)
}
