// Package detection holds what all detectors share: a pure library that turns
// events into findings. It has no clock, no randomness and no I/O, so that a
// replay of the same events gives the same findings.
package detection

import "github.com/gatewatch/gatewatch/detection/event"

// Detector looks at events in the order of the queue. It is used by one
// goroutine at a time. What it finds depends on the events it has seen since it
// was made or restored, and on nothing else.
type Detector interface {
	// Detect looks at one event and appends what it finds. The findings hold
	// on to the event, which the caller keeps until it has written them.
	Detect(dst []Finding, e *event.Event) []Finding
	// Snapshot appends the state of the detector.
	Snapshot(dst []byte) []byte
	// Restore replaces the state by one that Snapshot wrote. A state of another
	// version of the rules is taken over as far as it still fits. On an error
	// the detector is as it was made.
	Restore(snapshot []byte) error
}
