package api

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// Bounds of what callers may keep in memory before a call is running. A message
// that is received takes up to api.max_request_bytes; before that a call takes
// no more than its window.
const (
	maxReceiving, maxReceivingEach = 8, 4  // messages that are received and decoded
	maxProbing, maxProbingEach     = 16, 2 // likewise of calls for which no right is needed
	maxCalls, maxCallsEach         = 2048, 512
	maxReaders, maxReadersEach     = 256, 32 // streams other than those of nodes
	streamWindow                   = 128 << 10
	// receiveTime is how long a message may take to arrive once there is a place
	// for it, also the body of a REST request.
	receiveTime = 20 * time.Second
	// smallMessage is what a call may keep besides those that have a place.
	smallMessage = 64 << 10
)

// intake bounds the messages of all listeners.
type intake struct {
	receiving, probing *places
	calls, readers     *places
}

func newIntake() intake {
	return intake{
		receiving: newPlaces(maxReceiving, maxReceivingEach), probing: newPlaces(maxProbing, maxProbingEach),
		calls: newPlaces(maxCalls, maxCallsEach), readers: newPlaces(maxReaders, maxReadersEach),
	}
}

// receive waits for a place to receive a message of a call.
func (i *intake) receive(ctx context.Context, method string) (leave func(), err error) {
	if access.Public(method) {
		return i.probing.enter(ctx, senderOf(ctx))
	}
	return i.receiving.enter(ctx, senderOf(ctx))
}

// abortKey is the key of what ends a call that is still receiving its message.
type abortKey struct{}

// tap admits a call before anything of its message is read. Who has no right
// costs no memory.
func (g *guard) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	method := info.FullMethodName
	admitted, err := g.admit(ctx, method)
	if err != nil {
		return nil, g.api.status(method, err)
	}
	open := g.api.intake.calls
	switch {
	case method == gatewatchv1.NodeService_Stream_FullMethodName:
		open = nil // has bounds of its own
	case isStream(method):
		open = g.api.intake.readers
	}
	if open != nil {
		sender := senderOf(admitted)
		if !open.try(sender) {
			return nil, g.api.status(method, errBusy)
		}
		context.AfterFunc(ctx, func() { open.leave(sender) })
	}
	admitted, abort := context.WithCancel(admitted)
	context.AfterFunc(ctx, abort)
	return context.WithValue(admitted, abortKey{}, abort), nil
}

// isStream tells whether readers keep a method open.
func isStream(method string) bool {
	return method == methodTail || method == methodExport || method == methodScreen || strings.HasPrefix(method, "/grpc.reflection.")
}

// registrar registers services whose calls wait for a place before their
// message is received, and decode it within the limits of their method.
type registrar struct {
	grpc.ServiceRegistrar
	api *API
}

// RegisterService implements grpc.ServiceRegistrar.
func (r registrar) RegisterService(desc *grpc.ServiceDesc, server any) {
	bounded := *desc
	bounded.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, m := range desc.Methods {
		handle, method := m.Handler, "/"+desc.ServiceName+"/"+m.MethodName
		m.Handler = func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			leave := func() {}
			defer func() { leave() }()
			receive := func(into any) (err error) {
				leave, err = r.api.receiveMessage(ctx, method, into, dec)
				return err
			}
			return handle(srv, ctx, receive, interceptor)
		}
		bounded.Methods[i] = m
	}
	r.ServiceRegistrar.RegisterService(&bounded, server)
}

// receiveMessage receives and decodes the message of a call. leave gives the
// place of a large message back; it must be called when the call has ended.
func (a *API) receiveMessage(ctx context.Context, method string, into any, dec func(any) error) (leave func(), err error) {
	leave = func() {}
	m, ok := into.(proto.Message)
	if !ok {
		return leave, status.Error(codes.Internal, "the message has no form")
	}
	wait, cancel := context.WithTimeout(ctx, receiveTime)
	defer cancel()
	free, err := a.intake.receive(wait, method)
	if err != nil {
		return leave, a.status(method, err)
	}
	if abort, ok := ctx.Value(abortKey{}).(context.CancelFunc); ok {
		late := time.AfterFunc(receiveTime, abort)
		defer late.Stop()
	}
	w := wire{limits: a.limitsOf(method), into: m}
	if err = dec(&w); err == nil {
		err = w.err
	}
	if err == nil && w.cost > smallMessage {
		return free, nil
	}
	free()
	return leave, err
}

// RecvMsg decodes a message of a stream within the limits of its method.
func (s *guardedStream) RecvMsg(into any) error {
	m, ok := into.(proto.Message)
	if !ok {
		return s.ServerStream.RecvMsg(into)
	}
	w := wire{limits: s.limits, into: m}
	if err := s.ServerStream.RecvMsg(&w); err != nil {
		return err
	}
	return w.err
}
