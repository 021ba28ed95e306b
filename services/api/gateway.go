package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// gateway returns the REST routes of all services under /api/v1/. Calls go
// through the guard in this process, with no network between.
func (a *API) gateway(g *guard) (http.Handler, error) {
	local := &localConn{guard: g, methods: map[string]localMethod{}}
	a.register(local)
	routes := restRoutes()
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, marshaler{}),
		runtime.WithErrorHandler(gatewayError),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.SetQueryParameterParser(strictParameters{}),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request, params map[string]string) {
				pattern, _ := runtime.HTTPPattern(r.Context())
				r, leave, err := g.enter(w, r, routes[r.Method+" "+pattern.String()])
				if err != nil {
					problemOf(err).write(w)
					return
				}
				defer leave()
				next(w, r, params)
			}
		}),
	)
	ctx := context.Background()
	err := errors.Join(
		gatewatchv1.RegisterSearchServiceHandlerClient(ctx, mux, gatewatchv1.NewSearchServiceClient(local)),
		gatewatchv1.RegisterAdminServiceHandlerClient(ctx, mux, gatewatchv1.NewAdminServiceClient(local)),
		gatewatchv1.RegisterSessionServiceHandlerClient(ctx, mux, gatewatchv1.NewSessionServiceClient(local)),
		gatewatchv1.RegisterAccountServiceHandlerClient(ctx, mux, gatewatchv1.NewAccountServiceClient(local)),
		gatewatchv1.RegisterConsoleServiceHandlerClient(ctx, mux, gatewatchv1.NewConsoleServiceClient(local)),
		gatewatchv1.RegisterScreenServiceHandlerClient(ctx, mux, gatewatchv1.NewScreenServiceClient(local)),
		gatewatchv1.RegisterRuleServiceHandlerClient(ctx, mux, gatewatchv1.NewRuleServiceClient(local)),
		gatewatchv1.RegisterAlertServiceHandlerClient(ctx, mux, gatewatchv1.NewAlertServiceClient(local)),
		gatewatchv1.RegisterDecisionServiceHandlerClient(ctx, mux, gatewatchv1.NewDecisionServiceClient(local)),
		gatewatchv1.RegisterRequestServiceHandlerClient(ctx, mux, gatewatchv1.NewRequestServiceClient(local)),
		gatewatchv1.RegisterBundleServiceHandlerClient(ctx, mux, gatewatchv1.NewBundleServiceClient(local)),
		gatewatchv1.RegisterProposalServiceHandlerClient(ctx, mux, gatewatchv1.NewProposalServiceClient(local)),
		gatewatchv1.RegisterTuningServiceHandlerClient(ctx, mux, gatewatchv1.NewTuningServiceClient(local)),
		gatewatchv1.RegisterReportServiceHandlerClient(ctx, mux, gatewatchv1.NewReportServiceClient(local)),
		gatewatchv1.RegisterIngestServiceHandlerClient(ctx, mux, gatewatchv1.NewIngestServiceClient(local)),
		// Events and tables are written straight to JSON; a later route comes first.
		mux.HandlePath(http.MethodPost, "/api/v1/search", g.restSearch),
		mux.HandlePath(http.MethodPost, "/api/v1/aggregate", g.restAggregate),
		mux.HandlePath(http.MethodPost, "/api/v1/tail", g.restTail),
		mux.HandlePath(http.MethodPost, "/api/v1/export", g.restExport),
		mux.HandlePath(http.MethodPost, "/api/v1/tuning:replay", g.restReplay),
		mux.HandlePath(http.MethodGet, "/api/v1/screen/stream", g.restScreen),
		mux.HandlePath(http.MethodGet, "/api/v1/reports/waf", g.restReport),
	)
	if err != nil {
		return nil, fmt.Errorf("make rest routes: %w", err)
	}
	return mux, nil
}

// enter admits a request to a method and reads its body, in this order: who has
// no right costs no memory. leave must be called when the call has ended.
func (g *guard) enter(w http.ResponseWriter, r *http.Request, method string) (entered *http.Request, leave func(), err error) {
	leave = func() {}
	ctx := metadata.NewIncomingContext(r.Context(), metadata.Pairs(authorizationOf(r)...))
	ctx, err = g.admit(ctx, method)
	if err != nil {
		return nil, nil, g.api.status(method, err)
	}
	if r.Method != http.MethodPost {
		return r.WithContext(ctx), leave, nil
	}
	if r.URL.RawQuery != "" {
		return nil, nil, status.Error(codes.InvalidArgument, "parameters belong in the body, not behind the path")
	}
	free, err := g.place(ctx, method)
	if err != nil {
		return nil, nil, err
	}
	body, err := g.api.readMessage(w, r, method)
	if err == nil && takesRecords(method) {
		leave = free // what is decoded stays until it is stored
	} else {
		free()
	}
	if err != nil {
		return nil, nil, err
	}
	r = r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, leave, nil
}

// place waits for a place to receive a message.
func (g *guard) place(ctx context.Context, method string) (free func(), err error) {
	wait, cancel := context.WithTimeout(ctx, receiveTime)
	defer cancel()
	if free, err = g.api.intake.receive(wait, method); err != nil {
		return nil, g.api.status(method, err)
	}
	return free, nil
}

// readMessage reads the body of a request within the limits of its method.
func (a *API) readMessage(w http.ResponseWriter, r *http.Request, method string) ([]byte, error) {
	limit := a.limitsOf(method)
	if takesRecords(method) {
		limit.bytes += limit.bytes / 2 // bytes are base64 in JSON
	}
	body, err := readBody(w, r, int64(limit.bytes))
	if err != nil {
		return nil, err
	}
	if countJSON(body) > limit.elements+1 {
		return nil, errElements(limit.elements)
	}
	return body, nil
}

// maxQueryBody is the largest body of a question: a query with its escapes.
const maxQueryBody = 512 << 10

func authorizationOf(r *http.Request) []string {
	if v := r.Header.Get("Authorization"); v != "" {
		return []string{"authorization", v}
	}
	return nil
}

// readBody reads a JSON body. A type that curl sends of itself passes, one that
// says that the body is something else does not.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if t := r.Header.Get("Content-Type"); t != "" {
		media, _, err := mime.ParseMediaType(t)
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") && media != "application/x-www-form-urlencoded" {
			return nil, httpError{http.StatusUnsupportedMediaType, "send application/json"}
		}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, httpError{http.StatusUnsupportedMediaType, "send the body without a content encoding"}
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(receiveTime)) // not all writers of tests have deadlines
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	// A deadline that passes later would look as if the client had gone.
	_ = conn.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit)}
	case err != nil:
		return nil, httpError{http.StatusBadRequest, "the body ended early or came too slowly"}
	}
	return body, nil
}

// httpError is an error of HTTP for which gRPC has no code.
type httpError struct {
	code   int
	detail string
}

func (e httpError) Error() string { return e.detail }

// restRoutes returns the full name of the method behind each route, such as
// "GET /api/v1/tokens", from the annotations of the services. A variable of the
// path is written as the gateway does: {id=*}.
func restRoutes() map[string]string {
	routes := map[string]string{}
	eachRoute(func(name, verb, path string, _ protoreflect.MethodDescriptor) {
		routes[verb+" "+variable.ReplaceAllString(path, "{$1=*}")] = name
	})
	return routes
}

var variable = regexp.MustCompile(`\{([^}=]+)\}`)

// eachMethod calls f with all methods of our services.
func eachMethod(f func(name string, m protoreflect.MethodDescriptor)) {
	for _, file := range []protoreflect.FileDescriptor{
		gatewatchv1.File_gatewatch_v1_search_proto, gatewatchv1.File_gatewatch_v1_admin_proto,
		gatewatchv1.File_gatewatch_v1_ingest_proto, gatewatchv1.File_gatewatch_v1_node_proto,
		gatewatchv1.File_gatewatch_v1_rule_proto, gatewatchv1.File_gatewatch_v1_alert_proto,
		gatewatchv1.File_gatewatch_v1_decision_proto, gatewatchv1.File_gatewatch_v1_bundle_proto,
		gatewatchv1.File_gatewatch_v1_request_proto, gatewatchv1.File_gatewatch_v1_proposal_proto, gatewatchv1.File_gatewatch_v1_session_proto,
		gatewatchv1.File_gatewatch_v1_account_proto, gatewatchv1.File_gatewatch_v1_console_proto,
		gatewatchv1.File_gatewatch_v1_screen_proto, gatewatchv1.File_gatewatch_v1_tuning_proto,
		gatewatchv1.File_gatewatch_v1_report_proto,
	} {
		for i := range file.Services().Len() {
			s := file.Services().Get(i)
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				f("/"+string(s.FullName())+"/"+string(m.Name()), m)
			}
		}
	}
}

// eachRoute calls f with all routes of all methods.
func eachRoute(f func(method, verb, path string, m protoreflect.MethodDescriptor)) {
	eachMethod(func(name string, m protoreflect.MethodDescriptor) {
		rule, _ := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
		for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if verb, path := httpRule(r); verb != "" {
				f(name, verb, path, m)
			}
		}
	})
}

// httpRule returns the route of a rule. None has no verb.
func httpRule(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, p.Get
	case *annotations.HttpRule_Post:
		return http.MethodPost, p.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, p.Delete
	}
	return "", ""
}

// strictParameters refuses parameters that the request does not have.
type strictParameters struct{ runtime.DefaultQueryParser }

// Parse implements runtime.QueryParameterParser.
func (p strictParameters) Parse(m proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	d := m.ProtoReflect().Descriptor()
	for name := range values {
		if d.Fields().ByName(protoreflect.Name(name)) == nil {
			return fmt.Errorf("unknown parameter %q; known are %s", name, strings.Join(fieldNames(d), ", "))
		}
	}
	return p.DefaultQueryParser.Parse(m, values, filter)
}

// localConn calls the services of this process through the guard. It stands
// where the gateway expects a connection.
type localConn struct {
	guard   *guard
	methods map[string]localMethod
}

type localMethod struct {
	// handle has the type of grpc.MethodDesc.Handler.
	handle func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error)
	server any
}

// RegisterService implements grpc.ServiceRegistrar.
func (c *localConn) RegisterService(desc *grpc.ServiceDesc, server any) {
	for _, m := range desc.Methods {
		c.methods["/"+desc.ServiceName+"/"+m.MethodName] = localMethod{m.Handler, server}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (c *localConn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	m, ok := c.methods[method]
	if !ok {
		return status.Error(codes.Unimplemented, "this server does not serve "+method)
	}
	request := func(dst any) error {
		to := dst.(proto.Message).ProtoReflect()
		// The request is nobody else's, so its parts need no copy.
		args.(proto.Message).ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			to.Set(f, v)
			return true
		})
		return nil
	}
	resp, err := m.handle(m.server, ctx, request, c.guard.unary)
	if err != nil {
		return err
	}
	proto.Merge(reply.(proto.Message), resp.(proto.Message))
	return nil
}

// NewStream implements grpc.ClientConnInterface. The gateway has no streams:
// the one that there is writes JSON itself.
func (c *localConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "streams are not served by the gateway")
}
