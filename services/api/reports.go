package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/figures"
	"github.com/gatewatch/gatewatch/services/report"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
)

const (
	methodChart  = gatewatchv1.ReportService_GetChart_FullMethodName
	methodReport = gatewatchv1.ReportService_CreateWAFReport_FullMethodName

	// chartRange is the time range of a chart unless somebody asks for another one.
	chartRange = 24 * time.Hour
)

// reportServer is ReportService over the events, the desk and the state.
type reportServer struct {
	gatewatchv1.UnimplementedReportServiceServer
	api *API
}

// GetChart implements ReportService.
func (s reportServer) GetChart(ctx context.Context, req *gatewatchv1.GetChartRequest) (*gatewatchv1.GetChartResponse, error) {
	a := s.api
	if !slices.Contains(dashboards.Names(), req.GetName()) {
		return nil, status.Errorf(codes.NotFound, "there is no chart %.40q: want one of %s", req.GetName(), strings.Join(dashboards.Names(), ", "))
	}
	look, err := lookOf(req.GetLang(), req.GetDark())
	if err != nil {
		return nil, err
	}
	r := figures.Reader{Events: a.parts.Store}
	if r.From, r.To, err = a.span(req.GetFrom(), req.GetTo(), chartRange); err != nil {
		return nil, err
	}
	q := figures.Question{}
	if a.parts.Triage != nil {
		q.Desk = a.parts.Triage
	}
	if q.To, err = placeAt(req.GetAt()); err != nil {
		return nil, err
	}
	release, err := turn(ctx, a.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	chart, err := r.Chart(ctx, req.GetName(), q)
	if errors.Is(err, figures.ErrNoDesk) {
		return nil, status.Error(codes.Unimplemented, "this process estimates no rates")
	}
	if err != nil {
		return nil, err
	}
	option, err := dashboards.Option(chart, look)
	if err != nil {
		return nil, err
	}
	return &gatewatchv1.GetChartResponse{
		Heading: chart.Heading(look.Language), Option: &gatewatchv1.ChartOption{Json: option}, Warnings: r.Partial,
	}, nil
}

func lookOf(lang string, dark bool) (l dashboards.Look, err error) {
	if l.Language, err = dashboards.ParseLanguage(lang); err != nil {
		return l, &badField{"lang", err}
	}
	l.Dark = dark
	return l, nil
}

// span reads a time range that ends now and is so long unless something else is said.
func (a *API) span(fromText, toText string, width time.Duration) (from, to time.Time, err error) {
	now := a.parts.Now()
	if from, err = bound("from", fromText, now); err != nil {
		return from, to, err
	}
	if to, err = bound("to", toText, now); err != nil {
		return from, to, err
	}
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-width)
	}
	if from.After(to) {
		return from, to, &badField{"from", errors.New("is after to")}
	}
	return from, to, nil
}

// placeAt reads a place, "31.2,121.5"; "" is none.
func placeAt(text string) (*dashboards.Place, error) {
	if text == "" {
		return nil, nil
	}
	north, east, _ := strings.Cut(text, ",")
	latitude, err := strconv.ParseFloat(north, 64)
	longitude, err2 := strconv.ParseFloat(east, 64)
	// NaN compares with nothing.
	if err != nil || err2 != nil || !(latitude >= -90 && latitude <= 90) || !(longitude >= -180 && longitude <= 180) {
		return nil, &badField{"at", errors.New("want degrees north and east such as 31.2,121.5")}
	}
	return &dashboards.Place{Latitude: latitude, Longitude: longitude}, nil
}

// CreateWAFReport implements ReportService.
func (s reportServer) CreateWAFReport(req *gatewatchv1.CreateWAFReportRequest, stream grpc.ServerStreamingServer[gatewatchv1.CreateWAFReportResponse]) error {
	file, err := s.api.report(stream.Context(), req)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(file.data, exportChunk) {
		if err := stream.Send(&gatewatchv1.CreateWAFReportResponse{Data: part}); err != nil {
			return err
		}
	}
	return nil
}

// reportFile is a report as a file.
type reportFile struct {
	name, kind string
	data       []byte
}

// report makes a report as a whole: nothing is sent of one that fails.
func (a *API) report(ctx context.Context, req *gatewatchv1.CreateWAFReportRequest) (*reportFile, error) {
	if a.parts.Triage == nil || a.parts.Alerts == nil || a.parts.Store == nil {
		return nil, status.Error(codes.Unimplemented, "this process makes no reports")
	}
	format, err := report.ParseFormat(req.GetFormat())
	if err != nil {
		return nil, &badField{"format", err}
	}
	ask := report.Ask{}
	if ask.Language, err = dashboards.ParseLanguage(req.GetLang()); err != nil {
		return nil, &badField{"lang", err}
	}
	if ask.From, ask.To, err = a.span(req.GetFrom(), req.GetTo(), report.DefaultRange); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.config.SearchTimeout)
	defer cancel()
	release, err := turn(ctx, a.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	w, err := report.Make(ctx, a.reportParts(), ask)
	if err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	var data bytes.Buffer
	if err := format.Write(&data, w); err != nil {
		return nil, err
	}
	return &reportFile{name: format.FileName(w), kind: format.Type, data: data.Bytes()}, nil
}

// reportParts are those that this process has.
func (a *API) reportParts() report.Parts {
	p := report.Parts{
		Events: a.parts.Store, Desk: a.parts.Triage, State: a.parts.Alerts, Version: a.parts.Version, Now: a.parts.Now,
		Nodes:     a.reportNodes,
		Rules:     func() report.RuleSet { return report.RuleSet{} },
		Proposals: func(context.Context, int64, int) ([]*proposals.Proposal, error) { return nil, nil },
	}
	if a.parts.Fleet != nil {
		p.Rules = func() report.RuleSet { return report.RuleSetOf(a.parts.Fleet.Rollout()) }
	}
	if a.parts.Proposals != nil {
		p.Proposals = func(ctx context.Context, after int64, limit int) ([]*proposals.Proposal, error) {
			return a.parts.Proposals.List(ctx, "", after, limit)
		}
	}
	return p
}

func (a *API) reportNodes() (all []report.Node) {
	for _, n := range a.parts.Nodes() {
		connected := n.GetConnected()
		all = append(all, report.Node{
			Name: n.GetName(), Version: n.GetVersion(), RuleSet: n.GetRuleset(), Sites: n.GetSites(), Connected: &connected,
			Seen: n.GetLastSeenTime().AsTime(), Spooled: n.GetSpoolRecords(), Overflow: n.GetSpoolOverflow(),
		})
	}
	return all
}

// restReport is GET /api/v1/reports/waf: the file itself. A browser saves it and does
// not show it as a page of this server.
func (g *guard) restReport(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.CreateWAFReportRequest
	if err := (strictParameters{}).Parse(&req, r.URL.Query(), utilities.NewDoubleArray(nil)); err != nil {
		problemOf(status.Error(codes.InvalidArgument, err.Error())).write(w)
		return
	}
	info := &grpc.StreamServerInfo{FullMethod: methodReport, IsServerStream: true}
	err := g.stream(nil, &httpStream{ctx: r.Context()}, info, func(_ any, ss grpc.ServerStream) error {
		file, err := g.api.report(ss.Context(), &req)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", file.kind)
		w.Header().Set("Content-Disposition", `attachment; filename="`+file.name+`"`)
		_, _ = w.Write(file.data) // whoever asked has gone, or has it
		return nil
	})
	if err != nil {
		problemOf(err).write(w)
	}
}
