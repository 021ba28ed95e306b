package main

import (
	"fmt"
	"path/filepath"
	"slices"
)

// merge lets a server merge what it has, and prints what is on disk then.
func merge(c contender, folder string, events int) error {
	p, err := c.start()
	if err != nil {
		return err
	}
	if s, ok := c.(settler); ok {
		if err := s.settle(); err != nil {
			return err
		}
	}
	if err := p.idle(); err != nil {
		return err
	}
	if _, err := p.stop(); err != nil {
		return err
	}
	size, err := sizeOf(storeOf(c, folder))
	if err != nil {
		return err
	}
	fmt.Printf("%-14s after merge %.1f B/ev on disk\n", c.name(), float64(size)/float64(events))
	return nil
}

// storeOf returns the folder of the stored events, without a log of raw records
// that is kept for replay.
func storeOf(c contender, folder string) string {
	if g, ok := c.(*gatewatch); ok {
		return filepath.Join(g.data(), "store")
	}
	return folder
}

func medianOf(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
