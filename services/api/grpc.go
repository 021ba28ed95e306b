package api

import (
	"context"
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// Bounds of one gRPC connection.
const (
	maxStreams      = 128
	maxHeaderBytes  = 32 << 10
	handshakeTime   = 10 * time.Second
	keepaliveTime   = time.Minute
	keepaliveAnswer = 20 * time.Second
	minClientPing   = 10 * time.Second
)

// GRPC returns a server of all services, with health and reflection, behind a
// gate. config is nil for plain text. The caller serves and stops it.
func (a *API) GRPC(gate *access.Gate, config *tls.Config) *grpc.Server {
	g := a.guard(gate)
	opts := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		grpc.InTapHandle(g.tap),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(max(a.config.MaxRequestBytes, maxQueryBody)),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(8 * streamWindow),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveAnswer}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	}
	if config != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	s := grpc.NewServer(opts...)
	a.register(registrar{s, a})
	reflection.Register(s)
	return s
}

// register adds the services to a gRPC server, or to the gateway of REST.
func (a *API) register(r grpc.ServiceRegistrar) {
	if a.parts.Store != nil {
		gatewatchv1.RegisterSearchServiceServer(r, searchServer{api: a})
		gatewatchv1.RegisterReportServiceServer(r, reportServer{api: a})
	}
	if a.parts.Rules != nil && a.parts.Store != nil {
		gatewatchv1.RegisterRuleServiceServer(r, ruleServer{api: a})
	}
	if a.parts.Alerts != nil {
		gatewatchv1.RegisterAlertServiceServer(r, alertServer{api: a})
		gatewatchv1.RegisterConsoleServiceServer(r, consoleServer{api: a})
	}
	if a.parts.Triage != nil {
		gatewatchv1.RegisterDecisionServiceServer(r, decisionServer{api: a})
	}
	if a.parts.Requests != nil {
		gatewatchv1.RegisterRequestServiceServer(r, requestServer{api: a})
	}
	if a.parts.Board != nil {
		gatewatchv1.RegisterScreenServiceServer(r, screenServer{api: a})
	}
	if a.parts.Fleet != nil {
		gatewatchv1.RegisterBundleServiceServer(r, bundleServer{api: a})
	}
	if a.parts.Proposals != nil {
		gatewatchv1.RegisterProposalServiceServer(r, proposalServer{api: a})
	}
	if a.parts.WhatIf != nil {
		gatewatchv1.RegisterTuningServiceServer(r, tuningServer{api: a})
	}
	if a.parts.Ingest != nil {
		gatewatchv1.RegisterIngestServiceServer(r, a.parts.Ingest)
	}
	if a.parts.Node != nil {
		gatewatchv1.RegisterNodeServiceServer(r, a.parts.Node)
	}
	if a.parts.People != nil {
		gatewatchv1.RegisterSessionServiceServer(r, sessionServer{api: a})
		gatewatchv1.RegisterAccountServiceServer(r, accountServer{api: a})
	}
	gatewatchv1.RegisterAdminServiceServer(r, adminServer{api: a})
	healthpb.RegisterHealthServer(r, healthServer{ready: a.parts.Ready})
}

// healthServer answers probes with the readiness of the process. It does not
// offer Watch: a probe that waits would hold a stream without a token.
type healthServer struct {
	healthpb.UnimplementedHealthServer
	ready func() error
}

func (h healthServer) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	status := healthpb.HealthCheckResponse_SERVING
	if h.ready() != nil {
		status = healthpb.HealthCheckResponse_NOT_SERVING
	}
	return &healthpb.HealthCheckResponse{Status: status}, nil
}
