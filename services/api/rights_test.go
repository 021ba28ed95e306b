package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mayCall says who may make each call, as words in the order of everyone below.
// It is written by hand beside the table of package access, so that a change of
// the table shows here.
var mayCall = map[string]string{
	"/gatewatch.v1.SearchService/Search":                             "viewer analyst examiner administrator",
	"/gatewatch.v1.SearchService/Aggregate":                          "viewer analyst examiner administrator",
	"/gatewatch.v1.SearchService/Tail":                               "viewer analyst examiner administrator",
	"/gatewatch.v1.SearchService/Export":                             "viewer analyst examiner administrator",
	"/gatewatch.v1.ReportService/GetChart":                           "viewer analyst examiner administrator",
	"/gatewatch.v1.ReportService/CreateWAFReport":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.RuleService/TestRule":                             "viewer analyst examiner administrator",
	"/gatewatch.v1.ConsoleService/GetPreferences":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.ConsoleService/SavePreferences":                   "viewer analyst examiner administrator",
	"/gatewatch.v1.ConsoleService/ListSavedSearches":                 "viewer analyst examiner administrator",
	"/gatewatch.v1.ConsoleService/SaveSearch":                        "viewer analyst examiner administrator",
	"/gatewatch.v1.ConsoleService/DeleteSavedSearch":                 "viewer analyst examiner administrator",
	"/gatewatch.v1.SearchService/Explain":                            "viewer analyst examiner administrator",
	"/gatewatch.v1.SearchService/ListFields":                         "viewer analyst examiner administrator",
	"/gatewatch.v1.RuleService/ListRules":                            "viewer analyst examiner administrator",
	"/gatewatch.v1.RuleService/GetRule":                              "viewer analyst examiner administrator",
	"/gatewatch.v1.RuleService/ExplainRule":                          "viewer analyst examiner administrator",
	"/gatewatch.v1.RuleService/ListGroups":                           "viewer analyst examiner administrator",
	"/gatewatch.v1.AlertService/ListAlerts":                          "viewer analyst examiner administrator",
	"/gatewatch.v1.AlertService/GetAlert":                            "viewer analyst examiner administrator",
	"/gatewatch.v1.AlertService/UpdateAlert":                         "analyst examiner administrator",
	"/gatewatch.v1.AlertService/GetNotifications":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.AlertService/TestNotification":                    "administrator",
	"/gatewatch.v1.DecisionService/ListDecisions":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.DecisionService/GetDecision":                      "viewer analyst examiner administrator",
	"/gatewatch.v1.DecisionService/ListDecisionGroups":               "viewer analyst examiner administrator",
	"/gatewatch.v1.DecisionService/EstimateRates":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.DecisionService/LabelDecision":                    "analyst examiner administrator",
	"/gatewatch.v1.DecisionService/UndoLabel":                        "analyst examiner administrator",
	"/gatewatch.v1.DecisionService/LabelDecisionGroup":               "analyst examiner administrator",
	"/gatewatch.v1.DecisionService/UndoLabelAct":                     "analyst examiner administrator",
	"/gatewatch.v1.DecisionService/SampleDecisions":                  "analyst examiner administrator",
	"/gatewatch.v1.RequestService/ListRequests":                      "examiner administrator",
	"/gatewatch.v1.RequestService/GetRequest":                        "examiner administrator",
	"/gatewatch.v1.BundleService/ListBundles":                        "viewer analyst examiner administrator",
	"/gatewatch.v1.BundleService/GetBundle":                          "viewer analyst examiner administrator",
	"/gatewatch.v1.BundleService/GetRollout":                         "viewer analyst examiner administrator",
	"/gatewatch.v1.BundleService/CreateBundle":                       "administrator",
	"/gatewatch.v1.BundleService/RollOutBundle":                      "administrator",
	"/gatewatch.v1.BundleService/RollBackBundle":                     "administrator",
	"/gatewatch.v1.SessionService/GetSession":                        "viewer analyst examiner administrator kiosk",
	"/gatewatch.v1.SessionService/ListSessions":                      "viewer analyst examiner administrator",
	"/gatewatch.v1.SessionService/EndSession":                        "viewer analyst examiner administrator",
	"/gatewatch.v1.ScreenService/GetScreen":                          "viewer analyst examiner administrator kiosk",
	"/gatewatch.v1.ScreenService/WatchScreen":                        "viewer analyst examiner administrator kiosk",
	"/gatewatch.v1.AccountService/ListAccounts":                      "administrator",
	"/gatewatch.v1.AccountService/CreateAccount":                     "administrator",
	"/gatewatch.v1.AccountService/UpdateAccount":                     "administrator",
	"/gatewatch.v1.AccountService/CreateLink":                        "administrator",
	"/gatewatch.v1.ProposalService/ListProposals":                    "viewer analyst examiner administrator",
	"/gatewatch.v1.ProposalService/GetProposal":                      "viewer analyst examiner administrator",
	"/gatewatch.v1.ProposalService/GetProposalJob":                   "viewer analyst examiner administrator",
	"/gatewatch.v1.ProposalService/ProposeChanges":                   "examiner administrator",
	"/gatewatch.v1.ProposalService/ApplyProposal":                    "administrator",
	"/gatewatch.v1.ProposalService/RetireProposal":                   "administrator",
	"/gatewatch.v1.ProposalService/RollBackProposal":                 "administrator",
	"/gatewatch.v1.TuningService/StartWhatIf":                        "analyst examiner administrator",
	"/gatewatch.v1.TuningService/GetWhatIf":                          "viewer analyst examiner administrator",
	"/gatewatch.v1.TuningService/StopWhatIf":                         "analyst examiner administrator",
	"/gatewatch.v1.TuningService/Replay":                             "examiner administrator",
	"/gatewatch.v1.AdminService/CreateToken":                         "administrator",
	"/gatewatch.v1.AdminService/ListTokens":                          "administrator",
	"/gatewatch.v1.AdminService/RevokeToken":                         "administrator",
	"/gatewatch.v1.AdminService/ListSources":                         "viewer analyst examiner administrator",
	"/gatewatch.v1.AdminService/ListNodes":                           "viewer analyst examiner administrator",
	"/gatewatch.v1.IngestService/Ingest":                             "administrator source node",
	"/gatewatch.v1.IngestService/GetPosition":                        "administrator source node",
	"/gatewatch.v1.NodeService/Stream":                               "administrator source node",
	"/grpc.health.v1.Health/Check":                                   "everyone",
	"/grpc.health.v1.Health/List":                                    "everyone",
	"/grpc.health.v1.Health/Watch":                                   "everyone",
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      "viewer analyst examiner administrator",
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "viewer analyst examiner administrator",
}

var callers = []string{"", "viewer", "analyst", "examiner", "administrator", "source", "node", "kiosk"}

// want returns the code that a call of a caller is refused with, OK if it is not.
func want(method, caller string, open bool) codes.Code {
	allowed := strings.Fields(mayCall[method])
	switch {
	case slices.Contains(allowed, "everyone"), caller != "" && slices.Contains(allowed, caller):
		return codes.OK
	case caller == "" && open && slices.Contains(allowed, "source"):
		return codes.OK
	case caller == "":
		return codes.Unauthenticated
	}
	return codes.PermissionDenied
}

// refusal returns the code if it is one of a guard, else OK: what a call that
// was let in answers does not matter here.
func refusal(err error) codes.Code {
	if c := status.Code(err); c == codes.Unauthenticated || c == codes.PermissionDenied || c == codes.Internal {
		return c
	}
	return codes.OK
}

func TestRightsOfEveryMethod(t *testing.T) {
	for _, open := range []bool{true, false} {
		s := newServer(t, Config{}, open)
		conn := s.dial()
		gate := s.ingest.gate
		registered := s.api.GRPC(gate, nil)
		n := 0
		for service, info := range registered.GetServiceInfo() {
			for _, m := range info.Methods {
				method := "/" + service + "/" + m.Name
				if mayCall[method] == "" {
					t.Errorf("%s is served, and nobody has said who may call it", method)
				}
				for _, caller := range callers {
					n++
					ctx := t.Context()
					if caller != "" {
						ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.bearer[caller])
					}
					if got, want := refusal(callEmpty(ctx, conn, method, m.IsServerStream || m.IsClientStream)), want(method, caller, open); got != want {
						t.Errorf("%s by %q, inputs open %v: %v, want %v", method, caller, open, got, want)
					}
				}
			}
		}
		if n < len(mayCall)*len(callers) {
			t.Errorf("only %d calls were made", n)
		}
	}
}

// callEmpty calls any method with an empty request.
func callEmpty(ctx context.Context, conn *grpc.ClientConn, method string, stream bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	raw := grpc.ForceCodec(rawCodec{})
	if !stream {
		var reply []byte
		return conn.Invoke(ctx, method, []byte{}, &reply, raw)
	}
	cs, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method, raw)
	if err != nil {
		return err
	}
	if err := cs.SendMsg([]byte{}); err != nil && err != io.EOF { //nolint:errorlint // as documented
		return err
	}
	if err := cs.CloseSend(); err != nil {
		return err
	}
	if header, err := cs.Header(); err != nil || header != nil { // accepted, or over
		return err
	}
	var reply []byte
	err = cs.RecvMsg(&reply)
	if err == io.EOF { //nolint:errorlint // as documented
		return nil
	}
	return err
}

// rawCodec passes bytes through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = slices.Clone(data); return nil }
func (rawCodec) Name() string                       { return "proto" }

func TestRightsOfEveryRoute(t *testing.T) {
	for _, open := range []bool{true, false} {
		s := newServer(t, Config{}, open)
		n := 0
		eachRoute(func(method, verb, path string, _ protoreflect.MethodDescriptor) {
			path = variable.ReplaceAllString(path, "x")
			for _, caller := range callers {
				n++
				if (method == methodTail || method == methodScreen) && want(method, caller, open) == codes.OK {
					continue // does not end
				}
				code := http.StatusOK
				switch want(method, caller, open) {
				case codes.Unauthenticated:
					code = http.StatusUnauthorized
				case codes.PermissionDenied:
					code = http.StatusForbidden
				}
				resp := s.do(verb, path, s.bearer[caller], "{}")
				got := resp.StatusCode
				if got != http.StatusUnauthorized && got != http.StatusForbidden && got < http.StatusInternalServerError {
					got = http.StatusOK
				}
				if got != code {
					t.Errorf("%s %s by %q, inputs open %v: %d, want %d", verb, path, caller, open, got, code)
				}
			}
		})
		if n < 9*len(callers) {
			t.Errorf("only %d calls were made", n)
		}
	}
}
