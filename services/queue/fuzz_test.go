package queue

import (
	"bytes"
	"hash/crc32"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is what fuzzing starts from.
func sample() []Group {
	return []Group{
		{Source: "node-1", Format: "nginx.access", Peer: "192.0.2.1", Epoch: Epoch{1}, Parser: 3, Records: []Record{
			{Seq: 7, Received: 1_700_000_000_000_000_000, Raw: []byte("GET / 200")},
			{Seq: 8, Received: 1_700_000_000_000_000_001, Raw: []byte("GET /a 404")},
		}},
		{Source: "iis", Format: "exchange.httpproxy", Header: "#Fields: a,b", Records: []Record{{ID: "x", Raw: []byte{0}, Cut: true}}},
	}
}

// FuzzDecodeBody checks that a decoded body means the same after another round.
func FuzzDecodeBody(f *testing.F) {
	f.Add(appendBody(nil, sample()), uint32(3))
	f.Add([]byte{0}, uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, count uint32) {
		groups, err := decodeBody(b, count)
		if err != nil {
			return
		}
		records, bound := measure(groups)
		again := appendBody(nil, groups)
		if records != int(count) || int64(len(again)) > bound {
			t.Fatalf("%d records in %d bytes, want %d in at most %d", records, len(again), count, bound)
		}
		back, err := decodeBody(again, count)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(groups, back); diff != "" {
			t.Errorf("groups changed (-first +second):\n%s", diff)
		}
	})
}

// FuzzUnpack checks that what unpacks comes back after another round, and that
// any body does.
func FuzzUnpack(f *testing.F) {
	packed, _ := appendPacked(nil, bytes.Repeat([]byte("GET /index.html 200 "), 40_000))
	f.Add(packed)
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, body := range [][]byte{b, bytes.Repeat(b, 5)} {
			packed, ok := appendPacked(nil, body)
			if !ok {
				continue
			}
			if back, err := unpack(packed); err != nil || !bytes.Equal(back, body) {
				t.Fatalf("%d bytes became %d, %v", len(body), len(back), err)
			}
		}
		if body, err := unpack(b); err == nil && len(body) > 0 {
			if packed, ok := appendPacked(nil, body); ok {
				if back, err := unpack(packed); err != nil || !bytes.Equal(back, body) {
					t.Fatalf("%d bytes became %d, %v", len(body), len(back), err)
				}
			}
		}
	})
}

// FuzzCommits checks that a file of consumer offsets means the same when
// written again.
func FuzzCommits(f *testing.F) {
	f.Add(ledger{generation: 3, next: 10, cut: 2, consumers: map[string]Offset{"store": 4, "detect": 9}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseCommits(b)
		if err != nil {
			return
		}
		back, err := parseCommits(l.encode())
		if err != nil || back.generation != l.generation || back.next != l.next || back.cut != l.cut || !cmp.Equal(l.consumers, back.consumers) {
			t.Errorf("%+v became %+v, %v", l, back, err)
		}
	})
}

// memoryFile is a file to read from.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error                          { return nil }
func (memoryFile) writev([][]byte, int64) (int64, error) { return 0, os.ErrPermission }
func (memoryFile) sync() error                           { return os.ErrPermission }
func (memoryFile) reserve(int64) error                   { return os.ErrPermission }

// sampleSegment is a segment of ten frames of the sample.
func sampleSegment(m marker) (segment []byte, next Offset) {
	next = 1
	for range 10 {
		body := appendBody(nil, sample())
		h := header{length: uint32(len(body)), first: next, count: 3, bodySum: crc32.Checksum(body, castagnoli)}
		head := make([]byte, headerSize)
		h.put(head, m)
		segment = append(append(segment, head...), body...)
		next = h.next()
	}
	return segment, next
}

// FuzzReader overwrites a part of a segment and cuts its end off, and checks
// that reading ends, that offsets only grow, that no record is made up, and
// that no frame is lost but those that were touched.
func FuzzReader(f *testing.F) {
	m := marker{1, 2, 3, 4, 5, 6, 7, 8}
	whole, end := sampleSegment(m)
	size := len(whole) / 10
	f.Add([]byte{1}, 0, 0)
	f.Add([]byte("GWQ"), 40, 3)
	f.Add(bytes.Repeat([]byte{0}, 300), 100, 500)
	f.Add(whole[size:2*size], 10, 0)
	f.Add(whole[:headerSize], size, 0)
	f.Fuzz(func(t *testing.T, patch []byte, at, cutOff int) {
		at = max(0, at) % len(whole)
		b := bytes.Clone(whole)
		n := copy(b[at:], patch)
		b = b[:len(b)-max(0, cutOff)%len(b)]
		untouched := 10 - (len(whole)-len(b)+size-1)/size
		if n > 0 {
			untouched -= (at+n-1)/size - at/size + 1
		}
		sc := newScanner(memoryFile{bytes.NewReader(b)}, nil, m, 1)
		sc.size, sc.limit = int64(len(b)), end
		found, pos := 0, Offset(1)
		for {
			h, ok := sc.head()
			if !ok {
				break
			}
			groups, err := sc.groups(h)
			if err != nil {
				continue
			}
			if h.first < pos || h.next() > end {
				t.Fatalf("frame of %d to %d after %d", h.first, h.next(), pos)
			}
			pos = h.next()
			found++
			if diff := cmp.Diff(sample(), groups); diff != "" {
				t.Fatalf("records were made up (-want +got):\n%s", diff)
			}
		}
		if found < untouched && !bytes.Contains(patch, m[:]) { // a copied frame may hide others
			t.Errorf("%d frames found, %d are untouched", found, untouched)
		}
	})
}
