package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

const (
	methodReplay = gatewatchv1.TuningService_Replay_FullMethodName

	// maxReplayTime is how long a replay may take; what it has found by then is told.
	maxReplayTime = 30 * time.Minute
	// progressEvery is after how many requests the sums so far are told.
	progressEvery = 200
)

// Words for the bundles that are rolled out.
const (
	bundleStable    = "stable"
	bundleCandidate = "candidate"
)

// replayReader is who reads a replay.
type replayReader struct {
	begin func(context.Context, context.CancelCauseFunc) (wait func(), err error) // see tailReader
	send  func(*gatewatchv1.ReplayResponse) error
}

// Replay implements TuningService.
func (s tuningServer) Replay(req *gatewatchv1.ReplayRequest, stream grpc.ServerStreamingServer[gatewatchv1.ReplayResponse]) error {
	return s.api.replay(stream.Context(), req, replayReader{
		begin: func(context.Context, context.CancelCauseFunc) (func(), error) {
			return func() {}, stream.SendHeader(nil)
		},
		send: stream.Send,
	})
}

// restReplay is POST /api/v1/tuning:replay: a line of JSON for each request, and between
// them the sums so far, or server-sent events if these are asked for.
func (g *guard) restReplay(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.ReplayRequest
	if err := readRequest(r, &req); err != nil {
		problemOf(err).write(w)
		return
	}
	out := newEventStream(w, acceptsEventStream(r))
	info := &grpc.StreamServerInfo{FullMethod: methodReplay, IsServerStream: true}
	err := g.stream(nil, &httpStream{ctx: r.Context()}, info, func(_ any, ss grpc.ServerStream) error {
		if g.api.parts.WhatIf == nil {
			return status.Error(codes.Unimplemented, "this process replays no requests")
		}
		return g.api.replay(ss.Context(), &req, replayReader{begin: out.begin, send: func(m *gatewatchv1.ReplayResponse) error {
			return out.append(func(b []byte) []byte { return appendMessage(b, m.ProtoReflect()) })
		}})
	})
	out.end(err)
}

// replay judges kept requests and sends what becomes of them, once the audit log tells
// of it.
func (a *API) replay(ctx context.Context, req *gatewatchv1.ReplayRequest, to replayReader) error {
	q, err := a.replayQuestion(req)
	if err != nil {
		return err
	}
	b, sum, err := a.replayBundle(ctx, req)
	if err != nil {
		return err
	}
	select {
	case a.replays <- struct{}{}: // it takes all processors
		defer func() { <-a.replays }()
	default:
		return errBusy
	}
	candidate := &waf.SiteRules{Settings: waf.CorpusSettings(), Bundle: b, Now: a.parts.Now()}
	defer func() { _ = candidate.Close() }() // its caches go in any case
	if _, err := candidate.Of(""); err != nil {
		return &badField{"bundle", err}
	}
	baseline := &waf.SiteRules{Settings: waf.CorpusSettings()}
	defer func() { _ = baseline.Close() }() // as above
	if err := a.auditReplay(ctx, req, q, sum); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wait, err := to.begin(ctx, cancel)
	if err != nil {
		return fmt.Errorf("begin replay: %w", err)
	}
	sums, err := a.runReplay(ctx, waf.Replayer{Candidate: candidate.Of, Baseline: baseline.Of, Limit: waf.JudgeLimit}, q, req.GetChanged(), to.send)
	cancel(nil)
	wait()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return to.send(&gatewatchv1.ReplayResponse{Line: &gatewatchv1.ReplayResponse_Summary{Summary: newProtoSums(sums)}})
}

// runReplay sends all lines but the last one.
func (a *API) runReplay(ctx context.Context, by waf.Replayer, q tuning.Replay, changed bool, send func(*gatewatchv1.ReplayResponse) error) (*tuning.ReplaySums, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxReplayTime, tuning.ErrReplayTime)
	defer cancel()
	copies := &kept.Library{Ring: a.parts.Requests.Ring, Find: func(ctx context.Context, q kept.Query, yield func(*event.Event) error) (kept.Page, error) {
		release, err := turn(ctx, a.searches)
		if err != nil {
			return kept.Page{}, err
		}
		defer release()
		return a.parts.Requests.Find(ctx, q, yield)
	}}
	n := 0
	return tuning.ReplayKept(ctx, copies, by, q, func(x *tuning.Replayed, sums *tuning.ReplaySums) error {
		if !changed || x.Change != tuning.Unchanged {
			if err := send(&gatewatchv1.ReplayResponse{Line: &gatewatchv1.ReplayResponse_Request{Request: newProtoReplayed(x)}}); err != nil {
				return err
			}
		}
		if n++; n%progressEvery > 0 {
			return nil
		}
		return send(&gatewatchv1.ReplayResponse{Line: &gatewatchv1.ReplayResponse_Progress{Progress: newProtoSums(sums)}})
	})
}

// replayQuestion reads which requests are replayed.
func (a *API) replayQuestion(req *gatewatchv1.ReplayRequest) (tuning.Replay, error) {
	q := tuning.Replay{Sites: req.GetSites(), Limit: int(req.GetLimit())}
	if err := q.Check(); err != nil {
		return q, &badField{"replay", err}
	}
	size := 0
	for _, s := range q.Sites {
		size += len(s)
	}
	if size > maxRequestFilter { // as the filter of a list
		return q, &badField{"sites", fmt.Errorf("have more than %d bytes", maxRequestFilter)}
	}
	var err error
	now := a.parts.Now()
	if q.From, err = bound("from", req.GetFrom(), now); err != nil {
		return q, err
	}
	if q.To, err = bound("to", req.GetTo(), now); err != nil {
		return q, err
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.From.After(q.To) {
		return q, &badField{"from", errors.New("is after to")}
	}
	return q, nil
}

// replayBundle returns the bundle that requests are judged by, and its name.
func (a *API) replayBundle(ctx context.Context, req *gatewatchv1.ReplayRequest) (*bundle.Bundle, string, error) {
	name := req.GetBundle()
	switch {
	case name != "" && req.GetText() != "":
		return nil, "", &badField{"bundle", errors.New("give its name or its text, not both")}
	case req.GetText() != "":
		b, err := bundle.Read([]byte(req.GetText()))
		if err != nil {
			return nil, "", bundleError(err, "text", "")
		}
		text, err := b.Encode()
		return b, bundle.Sum(text), bundleError(err, "text", "")
	case name == bundleStable || name == bundleCandidate:
		rollout := a.parts.Fleet.Rollout()
		if rollout != nil && name == bundleStable {
			name = rollout.Stable
		} else if rollout != nil {
			name = rollout.Candidate
		}
		if !bundle.IsSum(name) {
			return nil, "", &notFound{"bundle that is rolled out as", req.GetBundle()}
		}
	case !bundle.IsSum(name):
		return nil, "", &badField{"bundle", errors.New("want the name of a bundle, stable, candidate, or a text")}
	}
	b, _, err := a.parts.Fleet.Bundle(ctx, name)
	return b, name, bundleError(err, "bundle", name)
}

// auditReplay writes which requests are about to be judged, and by which bundle.
func (a *API) auditReplay(ctx context.Context, req *gatewatchv1.ReplayRequest, q tuning.Replay, sum string) error {
	sites, err := json.Marshal(q.Sites)
	if err != nil {
		return fmt.Errorf("audit replay: %w", err)
	}
	caller, _ := access.FromContext(ctx)
	detail := map[string]string{
		"call": "Replay", "bundle": req.GetBundle(), "sites": string(sites), "from": leafTime(q.From), "to": leafTime(q.To), "limit": strconv.Itoa(q.Limit),
	}
	leaf := audit.Leaf{Actor: caller.String(), Act: audit.ActRequests, Object: "replay", Detail: detail, Hash: sum}
	if _, err := a.parts.Audit(ctx, leaf); err != nil {
		return fmt.Errorf("audit replay: %w", err)
	}
	return nil
}

func newProtoReplayed(x *tuning.Replayed) *gatewatchv1.ReplayedRequest {
	c := x.Copy
	m := &gatewatchv1.ReplayedRequest{
		Id: plainText(c.ID), Source: plainText(c.Source), Node: plainText(c.Node), Time: timestamppb.New(c.Time), Site: plainText(c.Request.Site),
		Change: string(x.Change), Before: decisionName(c.Block), ScoreBefore: int64(c.Score), PAttack: c.PAttack, Kind: plainText(string(c.Kind)),
		TakenFor: "legit", Cut: c.BodyBytes > int64(len(c.Request.Body)),
	}
	if x.Attack {
		m.TakenFor = "attack"
	}
	if x.Err != nil {
		m.Error = plainText(x.Err.Error())
		return m
	}
	m.After, m.ScoreAfter = decisionName(x.After.Block), int64(x.After.Score)
	for _, id := range x.After.Scoring {
		m.Rules = append(m.Rules, int32(id)) // SecLang has none that is larger
	}
	return m
}

func newProtoSums(s *tuning.ReplaySums) *gatewatchv1.ReplaySums {
	return &gatewatchv1.ReplaySums{
		NewlyBlocked: int64(s.NewlyBlocked.All()), NewlyAllowed: int64(s.NewlyAllowed.All()), Unchanged: int64(s.Unchanged), Failed: int64(s.Failed),
		BlockedAttack: int64(s.NewlyBlocked.Attack), BlockedLegit: int64(s.NewlyBlocked.Legit),
		AllowedAttack: int64(s.NewlyAllowed.Attack), AllowedLegit: int64(s.NewlyAllowed.Legit),
		Unfaithful: int64(s.Unfaithful), Unreadable: int64(s.Unreadable), Warnings: plainTexts(s.Partial),
	}
}
