package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A segment is a run of frames and nothing else. A frame holds what one Append
// was given, so that a damaged byte costs at most one record group:
//
//	marker   8  random bytes of this segment, also in its file's name
//	version  1  1, 2 if the body is sealed (a message of package vault), 3 if it
//	            is packed (pack.go), 4 if it is packed and then sealed
//	zero     3
//	length   4  bytes of the body
//	first    8  offset of the first record
//	count    4  records in the body
//	bodySum  4  CRC32C of the body
//	headSum  4  CRC32C of the 32 bytes before
//	body        see body.go
//
// All numbers are little endian. The header has a sum of its own, so that the
// committer can give the frame its offset without reading the body again, and
// so that a reader of a damaged body still knows what is lost. Record bytes are
// written by attackers; they do not know the marker and so cannot forge a frame
// for the search that follows damage.
const (
	headerSize   = 36
	firstVersion = 1
	lastVersion  = 4
	sealedBit    = 1 // of the version less one
	packedBit    = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// marker begins every frame of one segment.
type marker [8]byte

// header is the decoded head of a frame.
type header struct {
	length  uint32
	first   Offset
	count   uint32
	bodySum uint32
	sealed  bool
	packed  bool
}

// next is the offset after the last record of the frame.
func (h header) next() Offset { return h.first + Offset(h.count) }

// size is the length of the whole frame in bytes.
func (h header) size() int64 { return headerSize + int64(h.length) }

// put writes the header into the first headerSize bytes of b.
func (h header) put(b []byte, m marker) {
	copy(b, m[:])
	b[8], b[9], b[10], b[11] = firstVersion, 0, 0, 0
	if h.sealed {
		b[8] += sealedBit
	}
	if h.packed {
		b[8] += packedBit
	}
	binary.LittleEndian.PutUint32(b[12:], h.length)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.first))
	binary.LittleEndian.PutUint32(b[24:], h.count)
	binary.LittleEndian.PutUint32(b[28:], h.bodySum)
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
}

var (
	errHeader = errors.New("damaged frame header")
	errBody   = errors.New("damaged frame body")
)

// parseHeader reads a header from the first headerSize bytes of b.
func parseHeader(b []byte, m marker) (header, error) {
	if len(b) < headerSize || !bytes.Equal(b[:8], m[:]) || b[8] < firstVersion || b[8] > lastVersion ||
		binary.LittleEndian.Uint32(b[32:]) != crc32.Checksum(b[:32], castagnoli) {
		return header{}, errHeader
	}
	h := header{
		length:  binary.LittleEndian.Uint32(b[12:]),
		first:   Offset(binary.LittleEndian.Uint64(b[16:])),
		count:   binary.LittleEndian.Uint32(b[24:]),
		bodySum: binary.LittleEndian.Uint32(b[28:]),
		sealed:  (b[8]-firstVersion)&sealedBit != 0,
		packed:  (b[8]-firstVersion)&packedBit != 0,
	}
	if h.length > maxAppendBytes || h.count == 0 || h.count > maxAppendBytes || !h.packed && h.count > h.length || h.first == 0 || h.next() < h.first {
		return header{}, errHeader
	}
	return h, nil
}
