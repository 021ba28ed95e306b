package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/gatewatch/gatewatch/services/queue"
)

// progress tells how far the pipeline has come.
type progress struct {
	mu     sync.Mutex
	offset queue.Offset
	ended  bool
	stuck  error         // why nothing can be written; nil if it can
	moved  chan struct{} // closed when one of them changes; made on demand
}

// ErrEnded means that the pipeline ended before it came that far.
var ErrEnded = errors.New("pipeline has ended")

// change changes the progress and wakes those who wait for it.
func (p *Pipeline) change(to func(*progress)) {
	p.progress.mu.Lock()
	defer p.progress.mu.Unlock()
	to(&p.progress)
	if p.progress.moved != nil {
		close(p.progress.moved)
		p.progress.moved = nil
	}
}

func (p *Pipeline) reached(o queue.Offset) {
	p.metrics.offset.Set(float64(o))
	p.change(func(g *progress) { g.offset = o })
}

// Offset returns the offset of the queue up to which (exclusive) events can be
// found.
func (p *Pipeline) Offset() queue.Offset {
	p.progress.mu.Lock()
	defer p.progress.mu.Unlock()
	return p.progress.offset
}

// Stuck returns why nothing can be written for want of room, nil if it can.
func (p *Pipeline) Stuck() error {
	p.progress.mu.Lock()
	defer p.progress.mu.Unlock()
	return p.progress.stuck
}

// Wait returns nil once everything before an offset of the queue can be found,
// ErrEnded if the pipeline ends before, the error of [Pipeline.Stuck] as soon as
// there is no room for it, or the error of ctx.
func (p *Pipeline) Wait(ctx context.Context, end queue.Offset) error {
	for {
		p.progress.mu.Lock()
		if p.progress.offset >= end {
			p.progress.mu.Unlock()
			return nil
		}
		if p.progress.ended {
			p.progress.mu.Unlock()
			return ErrEnded
		}
		if err := p.progress.stuck; err != nil {
			p.progress.mu.Unlock()
			return err
		}
		if p.progress.moved == nil {
			p.progress.moved = make(chan struct{})
		}
		moved := p.progress.moved
		p.progress.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}
