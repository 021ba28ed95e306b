package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math"

	"github.com/gatewatch/gatewatch/services/queue"
)

// headBytes of a file tell which one it is.
const headBytes = 4096

// fingerprint tells by the beginning of its text which file it is, wherever it
// lies and however it is compressed: the epochs of its positions.
//
// A file of headBytes and more has one epoch for good, the hash of that many. A
// shorter one has another whenever it has grown: records are sent under the hash
// of all finished lines of now, and its earlier epochs tell what was stored
// before. So two short files that begin alike and go on apart share the position
// of what they have in common and no more. Line endings are left out of the end
// of what is hashed; a last line without one has an epoch of its own, for it may
// be only the beginning of a line.
type fingerprint struct {
	lines    queue.Epoch   // of the records up to linesEnd
	linesEnd int64         // offset of the end of the last finished line
	tail     queue.Epoch   // of a last line behind linesEnd
	known    []queue.Epoch // those that may have a position, the latest first
}

// fingerprintOf makes the fingerprint of a file from its first headBytes, or
// from all of it if it is shorter.
func fingerprintOf(head []byte) fingerprint {
	var p fingerprint
	if len(head) >= headBytes {
		p.lines, p.linesEnd = epochOf(head[:headBytes]), math.MaxInt64
		p.known = []queue.Epoch{p.lines}
	} else {
		p.linesEnd = int64(bytes.LastIndexByte(head, '\n') + 1)
		p.lines, p.tail = epochOf(head[:p.linesEnd]), epochOf(head)
		p.known = []queue.Epoch{p.tail}
	}
	text := -1 // length of the last prefix
	for end := len(head); ; {
		end = bytes.LastIndexByte(head[:end], '\n')
		if end < 0 {
			return p
		}
		prefix := trimEnding(head[:end])
		if len(prefix) != text && len(prefix) > 0 {
			text = len(prefix)
			p.known = append(p.known, epochOf(prefix))
		}
	}
}

// of returns the epoch of a record that ends at an offset.
func (p *fingerprint) of(end int64) queue.Epoch {
	if end > p.linesEnd {
		return p.tail
	}
	return p.lines
}

// epochOf hashes the beginning of a file. The source is no part of it: the
// server keeps positions by source and epoch.
func epochOf(prefix []byte) (epoch queue.Epoch) {
	h := sha256.New()
	h.Write([]byte("gatewatch file head\x00"))
	h.Write(trimEnding(prefix))
	copy(epoch[:], h.Sum(nil))
	return epoch
}

func trimEnding(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }

// readHead reads the first bytes of a file and returns them with a reader of the
// file. Of a short file that reader ends where the head does, even if the file
// grows meanwhile: what is new belongs to another epoch.
func readHead(r io.Reader) ([]byte, io.Reader) {
	head := make([]byte, headBytes)
	n := 0
	var err error
	for n < len(head) && err == nil {
		var m int
		m, err = r.Read(head[n:])
		n += m
	}
	head = head[:n]
	switch {
	case err == nil:
		return head, io.MultiReader(bytes.NewReader(head), r)
	case errors.Is(err, io.EOF):
		return head, bytes.NewReader(head)
	}
	return head[:bytes.LastIndexByte(head, '\n')+1], io.MultiReader(bytes.NewReader(head), failing{err})
}

// failing is a reader that has come to an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
