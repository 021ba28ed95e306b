package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/api"
	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
	"github.com/gatewatch/gatewatch/services/wall"
)

var errStarting = errors.New("server is starting or stopping")

// ready tells whether all parts are up.
func (v *server) ready() error {
	if !v.isReady.Load() {
		return errStarting
	}
	return nil
}

// openAPI makes the services of the API over the parts.
func (v *server) openAPI(inputs *access.Gate) (err error) {
	v.nodes = ingest.NewNodeServer(v.sink, v.settings.Node, inputs.Sender, v.log)
	sealer, err := kept.NewSealer(v.requests.made, time.Now)
	if err != nil {
		return err
	}
	v.nodes.Keep(sealer.Seal)
	var inUse api.RulesFunc
	var groups api.GroupsFunc
	if v.rules != nil {
		inUse, groups = v.rules.InUse, v.rules.Groups
	}
	var await time.Duration // a server without a pipeline has nothing to wait for
	if v.settings.has(roleDetect) {
		await = awaitLabels
	}
	desk, err := triage.New(triage.Options{
		Events: v.store, State: v.state, Queue: v.queue, Audit: v.audit.Append, Now: time.Now, Log: v.log,
		Await: await,
	})
	if err != nil {
		return err
	}
	v.desk = desk
	if v.fleet, err = v.openFleet(); err != nil {
		return err
	}
	v.nodes.OfferBundles(v.fleet)
	v.tuner = v.openProposals()
	v.whatIf = whatif.New(whatif.Options{Live: v.tuner.Live, Audit: v.audit.Append, Now: time.Now, Log: v.log})
	v.board = wall.New(wall.Options{Events: v.store, Now: time.Now, Log: v.log})
	var pages map[string]http.Handler
	if v.settings.has(roleAPI) {
		pages = v.console.Routes()
	}
	v.api, err = api.New(v.settings.API, api.Parts{
		Board:  v.board,
		People: v.people, Pages: pages, Version: version,
		Store: v.store, Explorer: v.store, Tokens: v.tokens, Sources: v.listSources, Nodes: v.listNodes, Rules: inUse, Groups: groups,
		Alerts: v.state, Notifier: v.notifier, Audit: v.audit.Append, Triage: desk, Fleet: v.fleet, Proposals: v.tuner, WhatIf: v.whatIf, Requests: requestLibrary(v.store, v.requests),
		Ingest: ingest.NewBatchServer(v.sink, inputs.Sender), Node: v.nodes,
		Ready: v.ready, Notice: v.notice, Metrics: v.metrics, Now: time.Now, Log: v.log,
	})
	return err
}

// awaitLabels is how long a label waits for the pipeline to pass on what the queue
// held at the start.
const awaitLabels = 10 * time.Second

// listSources joins what the inputs and the pipeline have counted since the start,
// and what is known of sources that were silent since then.
func (v *server) listSources() []*gatewatchv1.Source {
	byName := map[string]pipeline.SourceCount{}
	if v.pipeline != nil {
		for _, s := range v.pipeline.Sources() {
			byName[s.Name] = s
		}
	}
	var all []*gatewatchv1.Source
	for _, s := range v.sink.Sources() {
		p := byName[s.Name]
		source := &gatewatchv1.Source{
			Name: s.Name, Received: s.Received, Duplicates: s.Duplicates + s.Conflicts,
			Parsed: p.Parsed, Failed: p.Failed, Stored: p.Stored, Formats: s.Formats,
		}
		for _, n := range s.Refused {
			source.Refused += n
		}
		if !s.Last.IsZero() {
			source.LastReceivedTime = timestamppb.New(s.Last)
		}
		all = append(all, source)
	}
	return v.census.withSources(all)
}

func (v *server) listNodes() []*gatewatchv1.Node {
	var all []*gatewatchv1.Node
	for _, n := range v.nodes.Nodes() {
		all = append(all, &gatewatchv1.Node{
			Name: n.Name, Version: n.Version, Ruleset: n.Ruleset, Sites: n.Sites, Connected: n.Connected, Peer: n.Peer,
			LastSeenTime: timestamppb.New(n.LastSeen), SpoolOverflow: n.Overflow, SpoolRecords: n.Spooled,
			LagMs: uint64(n.Lag.Milliseconds()), Bundle: n.Bundle, CandidateBundle: n.Candidate,
		})
	}
	return v.census.withNodes(all)
}

// notice tells what is amiss with a server that is ready.
func (v *server) notice() string {
	var all []string
	if room := v.queue.Refusing(); room != nil {
		if errors.Is(room.Err(), queue.ErrNoSpace) {
			all = append(all, fmt.Sprintf("records are refused: %s of the disk are free, queue.min_free_bytes is %s", size(room.Free), size(room.MinFree)))
		} else {
			all = append(all, fmt.Sprintf("records are refused: the queue has %s, queue.max_bytes is %s", size(room.Bytes), size(room.MaxBytes)))
		}
	}
	switch room := v.store.Room(); room.Level {
	case store.Full:
		all = append(all, fmt.Sprintf("events are not stored: %s of the disk are free, store.min_free_bytes is %s", size(room.Free), size(room.MinFree)))
	case store.Low:
		all = append(all, fmt.Sprintf("the disk is nearly full: %s are free, store.low_free_bytes is %s", size(room.Free), size(room.LowFree)))
	}
	switch n := v.store.Damaged(); {
	case n == 1:
		all = append(all, "1 segment of the store has damage: see the log and gatewatch store verify")
	case n > 1:
		all = append(all, count(n, "segment")+" of the store have damage: see the log and gatewatch store verify")
	}
	if v.archives != nil {
		if err := v.archives.Err(); err != nil {
			all = append(all, "segments are not archived and stay in the store: "+printable(err.Error()))
		}
	}
	return strings.Join(all, "\n")
}
