package api

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/wall"
)

const (
	methodScreen = gatewatchv1.ScreenService_WatchScreen_FullMethodName
	// maxScreens may look at once.
	maxScreens = 256
	// ratesEvery is how often the rates of a screen are estimated anew, over
	// ratesRange.
	ratesEvery = 5 * time.Minute
	ratesRange = 7 * 24 * time.Hour
)

// screenServer is ScreenService over a board.
type screenServer struct {
	gatewatchv1.UnimplementedScreenServiceServer
	api *API
}

// screens is what all who look at a board share.
type screens struct {
	places chan struct{}
	// estimate makes the rates; it is called without the lock, and nil where there
	// are none.
	estimate func(ctx context.Context, now time.Time) ([]*gatewatchv1.ScreenRate, error)

	mu        sync.Mutex
	of        *wall.State
	shown     [2]*gatewatchv1.ScreenState // of that state: whole, masked
	rates     []*gatewatchv1.ScreenRate
	estimated time.Time // zero: at the next look
}

// GetScreen implements ScreenService.
func (s screenServer) GetScreen(ctx context.Context, req *gatewatchv1.GetScreenRequest) (*gatewatchv1.GetScreenResponse, error) {
	masked, err := maskedFor(ctx, req.GetUnmasked())
	if err != nil {
		return nil, err
	}
	state, err := s.api.parts.Board.State(ctx)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.GetScreenResponse{State: s.api.screen(ctx, state, masked)}, nil
}

// WatchScreen implements ScreenService.
func (s screenServer) WatchScreen(req *gatewatchv1.WatchScreenRequest, stream grpc.ServerStreamingServer[gatewatchv1.WatchScreenResponse]) error {
	return s.api.watchScreen(stream.Context(), req.GetUnmasked(), func(state *gatewatchv1.ScreenState) error {
		return stream.Send(&gatewatchv1.WatchScreenResponse{State: state})
	})
}

// watchScreen sends states, which nobody may change.
func (a *API) watchScreen(ctx context.Context, unmasked bool, send func(*gatewatchv1.ScreenState) error) error {
	masked, err := maskedFor(ctx, unmasked)
	if err != nil {
		return err
	}
	select {
	case a.screens.places <- struct{}{}:
		defer func() { <-a.screens.places }()
	default:
		return errBusy
	}
	return a.parts.Board.Watch(ctx, func(state *wall.State) error { return send(a.screen(ctx, state, masked)) })
}

// maskedFor tells whether who calls sees masked addresses. A wall is seen by
// everyone who passes.
func maskedFor(ctx context.Context, unmasked bool) (bool, error) {
	id, _ := access.FromContext(ctx)
	if unmasked && id.Kind == access.KindKiosk {
		return true, status.Error(codes.PermissionDenied, "a wall screen shows masked addresses alone")
	}
	return !unmasked, nil
}

// screen returns a state in the form of the API, made once for all who look. Who
// comes when the rates are due estimates them first; the others see those of
// before meanwhile.
func (a *API) screen(ctx context.Context, s *wall.State, masked bool) *gatewatchv1.ScreenState {
	c := &a.screens
	if now := a.parts.Now(); c.due(now) {
		a.estimateRates(ctx, now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != s {
		c.of, c.shown = s, [2]*gatewatchv1.ScreenState{}
	}
	i := 0
	if masked {
		i = 1
	}
	if c.shown[i] == nil {
		c.shown[i] = newProtoScreen(s, masked)
		c.shown[i].Rates, c.shown[i].Nodes = c.rates, screenNodes(a.parts.Nodes())
	}
	return c.shown[i]
}

// estimateRates has new rates shown. It takes the place of a search if there is one:
// a screen waits for none, and asks again with its next state.
func (a *API) estimateRates(ctx context.Context, now time.Time) {
	c := &a.screens
	select {
	case a.searches <- struct{}{}:
		defer func() { <-a.searches }()
	default:
		c.postpone()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.SearchTimeout)
	defer cancel()
	rates, err := c.estimate(ctx, now)
	if err != nil {
		a.parts.Log.Warn("rates of the wall screens are not estimated anew", "error", err)
		return
	}
	c.keep(rates)
}

// postpone has the rates due at the next look.
func (c *screens) postpone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.estimated = time.Time{}
}

// due tells whether the caller is to estimate the rates: one at a time is told so.
func (c *screens) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.estimate == nil || !c.estimated.IsZero() && now.Sub(c.estimated) < ratesEvery {
		return false
	}
	c.estimated = now
	return true
}

// keep has the rates shown from now on.
func (c *screens) keep(rates []*gatewatchv1.ScreenRate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rates, c.shown = rates, [2]*gatewatchv1.ScreenState{}
}

// screenRates estimates the rates of the fleet before now.
func (a *API) screenRates(ctx context.Context, now time.Time) (rates []*gatewatchv1.ScreenRate, err error) {
	page, err := a.parts.Triage.Rates(ctx, triage.RateList{
		Selection: triage.Selection{From: now.Add(-ratesRange)}, By: []string{triage.ScopeAll}, Size: 1,
	})
	if err != nil {
		return nil, err
	}
	for _, scope := range page.Scopes {
		for _, r := range scope.Rates {
			shown := &gatewatchv1.ScreenRate{Rate: string(r.Rate), NLabels: uint64(r.Labels), N: uint64(r.Decisions)}
			if r.Enough {
				shown.Estimate, shown.Lo, shown.Hi = &r.Value, &r.Low, &r.High
			}
			rates = append(rates, shown)
		}
	}
	return rates, nil
}

func newProtoScreen(s *wall.State, masked bool) *gatewatchv1.ScreenState {
	address := func(text string) string { return text }
	if masked {
		address = maskAddress
	}
	p := &gatewatchv1.ScreenState{
		Time: timestamppb.New(s.Time), DayStart: timestamppb.New(s.DayStart), CountedFrom: timestamppb.New(s.Since), Masked: masked, Partial: s.Partial,
		Totals: &gatewatchv1.ScreenTotals{
			Requests: s.Totals.Requests, Blocked: s.Totals.Blocked, Allowed: s.Totals.Allowed, Findings: s.Totals.Findings,
			RequestsBefore: s.Totals.Before, RequestsLastMinute: s.Totals.Minute, RequestsPeakMinute: s.Totals.Peak,
		},
		Targets: screenCounts(s.Targets, func(text string) string { return text }),
		Rules:   screenCounts(s.Rules, func(text string) string { return text }), Attackers: screenCounts(s.Attackers, address),
	}
	for _, x := range s.Trend {
		p.Trend = append(p.Trend, &gatewatchv1.ScreenPoint{Time: timestamppb.New(x.Time), Blocked: x.Blocked, Allowed: x.Allowed})
	}
	for _, x := range s.Arcs {
		p.Arcs = append(p.Arcs, &gatewatchv1.ScreenArc{Country: x.Country, City: x.City, Site: x.Site, Count: x.Count, Recent: x.Recent, Missed: x.Missed})
	}
	for _, x := range s.Feed {
		p.Feed = append(p.Feed, &gatewatchv1.ScreenItem{
			Time: timestamppb.New(x.Time), Finding: x.Finding, Client: address(x.Client), Country: x.Country, Site: x.Site,
			Method: x.Method, Path: x.Path, Rule: x.Rule, RuleName: x.RuleName, Severity: int32(x.Severity),
			Suspect: string(x.Suspect),
		})
	}
	for _, x := range s.Sites {
		p.Sites = append(p.Sites, &gatewatchv1.ScreenSite{
			Name: x.Name, Rate: x.Rate, Blocked: x.Blocked, Errors: x.Errors,
			P50Ms: float64(x.P50) / float64(time.Millisecond), P95Ms: float64(x.P95) / float64(time.Millisecond),
		})
	}
	p.Types = screenCounts(s.Types, func(text string) string { return text })
	for _, x := range s.Upstreams {
		p.Upstreams = append(p.Upstreams, &gatewatchv1.ScreenUpstream{
			Name: x.Name, Gateway: x.Gateway, Rate: x.Rate, Errors: x.Errors, Refused: x.Refused,
			P50Ms: float64(x.P50) / float64(time.Millisecond), P95Ms: float64(x.P95) / float64(time.Millisecond),
			Requests: x.Requests[:], Failed: x.Failed[:], MinuteP95Ms: x.MinuteP95[:],
		})
	}
	return p
}

func screenCounts(all []wall.Count, name func(string) string) (list []*gatewatchv1.ScreenCount) {
	for _, x := range all {
		list = append(list, &gatewatchv1.ScreenCount{Name: name(x.Name), Detail: x.Detail, Count: x.Count})
	}
	return list
}

func screenNodes(all []*gatewatchv1.Node) (list []*gatewatchv1.ScreenNode) {
	for _, n := range all {
		list = append(list, &gatewatchv1.ScreenNode{
			Name: n.GetName(), Connected: n.GetConnected(), LastSeenTime: n.GetLastSeenTime(),
			SpoolRecords: n.GetSpoolRecords(), SpoolOverflow: n.GetSpoolOverflow(),
		})
	}
	return list
}

// maskAddress leaves out the last octet of an IPv4 address and the last 80 bits of
// an IPv6 address; of what is no address, all.
func maskAddress(text string) string {
	ip, err := netip.ParseAddr(text)
	switch {
	case text == "":
		return ""
	case err != nil:
		return "*"
	case ip.Unmap().Is4():
		s := ip.Unmap().String()
		return s[:strings.LastIndexByte(s, '.')+1] + "*"
	}
	p, err := ip.WithZone("").Prefix(48)
	if err != nil {
		return "*"
	}
	return strings.TrimSuffix(p.Addr().String(), "::") + ":*"
}

// restScreen is GET /api/v1/screen/stream: server-sent events, each a state.
func (g *guard) restScreen(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	unmasked := false
	for name, values := range r.URL.Query() {
		if name != "unmasked" || len(values) != 1 {
			problemOf(status.Error(codes.InvalidArgument, "the one parameter that is known is unmasked=true")).write(w)
			return
		}
		unmasked = values[0] == "true"
	}
	out := newEventStream(w, true)
	info := &grpc.StreamServerInfo{FullMethod: methodScreen, IsServerStream: true}
	err := g.stream(nil, &httpStream{ctx: r.Context()}, info, func(_ any, ss grpc.ServerStream) error {
		if g.api.parts.Board == nil {
			return status.Error(codes.Unimplemented, "this process serves no screens")
		}
		return g.api.watchScreen(ss.Context(), unmasked, func(state *gatewatchv1.ScreenState) error {
			b := append([]byte(nil), "data: "...)
			b = appendMessage(b, state.ProtoReflect())
			out.mu.Lock()
			defer out.mu.Unlock()
			return out.write(append(b, '\n', '\n'))
		})
	})
	out.end(err)
}
