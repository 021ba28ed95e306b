package ingest

import (
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/queue"
)

// receive is the goroutine that reads the stream. It hands the hello over and
// the batches to the appender, within the window. It ends when the handler has
// returned at the latest, for that ends the stream.
func (s *nodeStream) receive(hello chan<- *gatewatchv1.Hello) {
	idle := time.AfterFunc(s.cfg.IdleTimeout, func() {
		s.close(status.Error(codes.Unavailable, "stream was idle for too long"))
	})
	defer idle.Stop()
	greeted := false
	for {
		m, err := s.stream.Recv()
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if m == nil {
			s.close(err)
			return
		}
		idle.Reset(s.cfg.IdleTimeout)
		if h := m.GetHello(); h != nil && !greeted {
			greeted = true
			hello <- h
			select {
			case <-s.welcomed:
			case <-s.ctx.Done():
				s.close(status.FromContextError(s.ctx.Err()).Err())
				return
			}
			continue
		}
		if err := s.take(m, greeted); err != nil {
			s.close(err)
			return
		}
	}
}

// take handles a message after the hello.
func (s *nodeStream) take(m *gatewatchv1.StreamRequest, greeted bool) error {
	switch {
	case !greeted:
		return status.Error(codes.InvalidArgument, "the first message is not a hello")
	case m.GetStatus() != nil:
		s.nodes.seen(s.node, m.GetStatus(), s.sink.now())
		s.describe(m.GetStatus())
		return nil
	case m.GetReport() != nil:
		s.answered(m.GetReport())
		return nil
	case m.GetBatch() != nil:
		s.nodes.seen(s.node, nil, s.sink.now())
		return s.enqueue(m.GetBatch())
	}
	return status.Error(codes.InvalidArgument, "message is neither a batch nor a status nor a report")
}

// enqueue waits for room in the window and in the memory of all inputs.
func (s *nodeStream) enqueue(b *gatewatchv1.Batch) error {
	g, size, err := s.group(b)
	if err != nil {
		return err
	}
	if len(g.Records) == 0 {
		wake(s.acks) // the node may not know that it sent them before
		return nil
	}
	share := min(int64(size), windowBytes)
	if err := s.window.Acquire(s.ctx, share); err != nil {
		return status.FromContextError(err).Err()
	}
	free, err := s.sink.reserve(s.ctx, s.origin, size)
	if err != nil {
		return status.FromContextError(err).Err()
	}
	release := func() {
		free()
		s.window.Release(share)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		release()
		return s.err
	}
	if first := g.Records[0].Seq; first > s.next {
		s.sink.sources.of(s.node).missing.Add(first - s.next)
		s.log.Warn("records of a node are missing", "node", s.node, "from", s.next, "to", first)
	}
	s.next = max(s.next, g.Records[len(g.Records)-1].Seq+1)
	s.batches = append(s.batches, nodeBatch{group: g, release: release})
	wake(s.changed)
	return nil
}

// append is the goroutine that makes batches durable, all that are waiting at
// once, one append after the other.
func (s *nodeStream) append() {
	defer close(s.drained)
	for {
		s.mu.Lock()
		batches, ended := s.batches, s.ended
		s.batches = nil
		s.mu.Unlock()
		for _, g := range merge(batches) {
			if s.failed == nil {
				s.failed = s.store(g)
			}
		}
		for _, b := range batches {
			b.release()
		}
		if s.failed != nil {
			s.close(s.failed)
		}
		if len(batches) > 0 {
			continue
		}
		if ended {
			return
		}
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			s.close(status.FromContextError(s.ctx.Err()).Err())
		}
	}
}

// merge joins batches that follow each other in one format.
func merge(batches []nodeBatch) []queue.Group {
	var groups []queue.Group
	for _, b := range batches {
		if last := len(groups) - 1; last >= 0 && groups[last].Format == b.group.Format {
			groups[last].Records = append(groups[last].Records, b.group.Records...)
			continue
		}
		groups = append(groups, b.group)
	}
	return groups
}

// store makes one group durable and has it acknowledged. While the queue is
// full the node is told to wait, and the group is tried again.
func (s *nodeStream) store(g queue.Group) error {
	for {
		errs := s.sink.PutAt(s.ctx, g)
		err := worst(errs)
		s.mu.Lock()
		s.full = errors.Is(err, queue.ErrFull)
		if err == nil {
			s.durable = max(s.durable, g.Records[len(g.Records)-1].Seq)
		}
		s.mu.Unlock()
		wake(s.acks)
		if err == nil {
			return nil
		}
		if !errors.Is(err, queue.ErrFull) {
			s.sink.Refuse(s.node, reasonOf(err), len(g.Records))
			s.log.Error("batch of a node not stored", "node", s.node, "err", err)
			return status.Error(codes.Unavailable, "the batch could not be stored")
		}
		retry := time.NewTimer(s.cfg.RetryEvery)
		select {
		case <-retry.C:
		case <-s.ctx.Done():
			retry.Stop()
			return status.FromContextError(s.ctx.Err()).Err()
		case <-s.stop:
			retry.Stop()
			return status.Error(codes.Unavailable, "server is shutting down")
		}
	}
}

// worst returns the first error that is not about a duplicate.
func worst(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrDuplicate) && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}
