package store

import (
	"errors"
	"fmt"
)

// overlayQueries is how many times the memory of a query events that are laid
// over a store may take.
const overlayQueries = 4

// ErrOverlayFull means that a store that is open for reading takes no more
// events into memory. What it took before is found.
var ErrOverlayFull = errors.New("events laid over the store take too much memory")

// Overlay adds events to the memory of a store that is open for reading, and to
// nothing else: what the queue holds beyond [Columnar.Applied], in its order.
// Queries find them as they would at the server that has the store open.
func (s *Columnar) Overlay(b Batch) error {
	if s.lock != nil {
		return fmt.Errorf("lay events over store: it is open for writing")
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	offsets, err := place(b, nil)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.head.memory() >= overlayQueries*s.cfg.QueryBytes {
		return ErrOverlayFull
	}
	s.head.add(b.Events, offsets, s.router)
	for from, hb := s.head.unsealed(); hb != nil; from, hb = s.head.unsealed() {
		block, err := sealBlock(&s.sealer, hb.builder, s.cache)
		if err != nil {
			return fmt.Errorf("encode block: %w", err)
		}
		s.head.sealed(hb, labelled(block, from.name))
	}
	return nil
}

// memory returns the bytes of the blocks and of what is open.
func (h *head) memory() int64 {
	var size int64
	for _, s := range h.streams {
		if s.open != nil {
			size += s.open.Size()
		}
		for _, b := range s.blocks {
			size += b.block.Size()
		}
	}
	return size
}
