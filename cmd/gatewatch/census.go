package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/state"
)

// censusEach is how often the state is told of new senders.
const censusEach = time.Minute

// census is the sources and nodes of earlier runs, so that those that are silent
// since the start are listed too. It does not change after it was opened.
type census struct {
	sources []state.Source
	nodes   []state.Node
}

// openCensus reads what the state remembers.
func openCensus(ctx context.Context, db *state.DB) (c census, err error) {
	if c.sources, err = db.Sources(ctx); err != nil {
		return c, err
	}
	c.nodes, err = db.Nodes(ctx)
	return c, err
}

// withSources adds to sources, which are of this run, those of earlier ones, in
// order of their names. Counts are of this run.
func (c *census) withSources(all []*gatewatchv1.Source) []*gatewatchv1.Source {
	seen := map[string]bool{}
	for _, s := range all {
		seen[s.GetName()] = true
	}
	for i := range c.sources {
		if s := &c.sources[i]; !seen[s.Name] {
			all = append(all, &gatewatchv1.Source{Name: s.Name, Formats: s.Formats, LastReceivedTime: timestamp(s.Received)})
		}
	}
	slices.SortFunc(all, func(a, b *gatewatchv1.Source) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all
}

// withNodes is withSources for nodes.
func (c *census) withNodes(all []*gatewatchv1.Node) []*gatewatchv1.Node {
	seen := map[string]bool{}
	for _, n := range all {
		seen[n.GetName()] = true
	}
	for i := range c.nodes {
		if n := &c.nodes[i]; !seen[n.Name] {
			all = append(all, &gatewatchv1.Node{
				Name: n.Name, Version: n.Version, Ruleset: n.Ruleset, Sites: n.Sites, Peer: n.Peer, LastSeenTime: timestamp(n.Seen),
			})
		}
	}
	slices.SortFunc(all, func(a, b *gatewatchv1.Node) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all
}

// timestamp is a time of the API, nil for none.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// keepCensus tells the state of the senders of this run until ctx ends. What came
// in its last minute tells [server.takeCensus] at the stop.
func (v *server) keepCensus(ctx context.Context) {
	tick := time.NewTicker(censusEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.takeCensus(ctx); err != nil && ctx.Err() == nil {
				v.log.Error("senders are not kept for the next start", "error", err)
			}
		}
	}
}

// maxCensus bounds the sources that are remembered, and the nodes: senders that
// need no token name themselves as they like.
const maxCensus = 20_000

// takeCensus tells the state of the senders of this run. Beyond maxCensus no new
// ones are remembered.
func (v *server) takeCensus(ctx context.Context) error {
	if v.sink == nil || v.state == nil {
		return nil
	}
	known := map[string]bool{}
	for i := range v.census.sources {
		known[v.census.sources[i].Name] = true
	}
	var sources []state.Source
	for _, s := range v.sink.Sources() {
		if !known[s.Name] && len(known) >= maxCensus {
			continue
		}
		known[s.Name] = true
		sources = append(sources, state.Source{Name: s.Name, Formats: s.Formats, Received: s.Last})
	}
	err := v.state.PutSources(ctx, sources)
	if v.nodes == nil {
		return err
	}
	clear(known)
	for i := range v.census.nodes {
		known[v.census.nodes[i].Name] = true
	}
	var nodes []state.Node
	for _, n := range v.nodes.Nodes() {
		if !known[n.Name] && len(known) >= maxCensus {
			continue
		}
		known[n.Name] = true
		nodes = append(nodes, state.Node{Name: n.Name, Version: n.Version, Ruleset: n.Ruleset, Sites: n.Sites, Peer: n.Peer, Seen: n.LastSeen})
	}
	return errors.Join(err, v.state.PutNodes(ctx, nodes))
}
