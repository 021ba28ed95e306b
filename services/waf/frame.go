package waf

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A segment of the spool is a run of frames. A frame holds the records that
// were written together:
//
//	marker   8  random bytes of this segment, also in its file's name
//	version  1  frameVersion
//	flags    1  frameSealed
//	zero     2
//	length   4  bytes of the body
//	first    8  sequence number of the first record
//	count    4  records in the body
//	bodySum  4  CRC32C of the body
//	headSum  4  CRC32C of the 32 bytes before
//	body        per record: length as a varint, then its bytes
//
// All numbers are little endian. A sealed body is a nonce of 12 bytes and what
// AES-256-GCM makes of the plain one, with the first 28 bytes of the header as
// additional data. A reader that meets damage looks for the marker, which those
// who write records do not know.
const (
	frameHeader  = 36
	frameVersion = 1
	frameSealed  = 1
	maxFrameBody = 16 << 20
	nonceSize    = 12
	tagSize      = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errFrameHeader = errors.New("damaged frame header")
	errFrameBody   = errors.New("damaged frame body")
	errFrameKey    = errors.New("frame is sealed under another key")
)

type marker [8]byte

type frame struct {
	sealed bool
	length int
	first  uint64
	count  uint32
	sum    uint32
}

func (f frame) size() int64  { return frameHeader + int64(f.length) }
func (f frame) next() uint64 { return f.first + uint64(f.count) }

// put writes the header into the first bytes of b.
func (f frame) put(b []byte, m marker) {
	copy(b, m[:])
	b[8], b[9], b[10], b[11] = frameVersion, 0, 0, 0
	if f.sealed {
		b[9] = frameSealed
	}
	binary.LittleEndian.PutUint32(b[12:], uint32(f.length))
	binary.LittleEndian.PutUint64(b[16:], f.first)
	binary.LittleEndian.PutUint32(b[24:], f.count)
	binary.LittleEndian.PutUint32(b[28:], f.sum)
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
}

// parseFrame reads a header.
func parseFrame(b []byte, m marker) (frame, error) {
	if len(b) < frameHeader || !bytes.Equal(b[:8], m[:]) || b[8] != frameVersion || b[9]&^frameSealed != 0 ||
		binary.LittleEndian.Uint32(b[32:]) != crc32.Checksum(b[:32], castagnoli) {
		return frame{}, errFrameHeader
	}
	f := frame{
		sealed: b[9]&frameSealed != 0,
		length: int(binary.LittleEndian.Uint32(b[12:])),
		first:  binary.LittleEndian.Uint64(b[16:]),
		count:  binary.LittleEndian.Uint32(b[24:]),
		sum:    binary.LittleEndian.Uint32(b[28:]),
	}
	if f.length > maxFrameBody || f.count == 0 || int64(f.count) > int64(f.length) || f.first == 0 || f.next() < f.first {
		return frame{}, errFrameHeader
	}
	return f, nil
}

// buildFrame appends a frame with the body to dst. seal may be nil.
func buildFrame(dst []byte, m marker, first uint64, count uint32, body []byte, seal cipher.AEAD, nonce []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHeader)...)
	f := frame{first: first, count: count, length: len(body)}
	if seal != nil {
		f.sealed, f.length = true, len(body)+nonceSize+tagSize
		f.put(dst[at:], m)
		dst = append(dst, nonce...)
		dst = seal.Seal(dst, nonce, body, dst[at:at+28])
	} else {
		dst = append(dst, body...)
	}
	f.sum = crc32.Checksum(dst[at+frameHeader:], castagnoli)
	f.put(dst[at:], m)
	return dst
}

// openBody checks the body of a frame and returns its records, which are parts
// of body, or of memory made for a sealed one.
func openBody(f frame, header, body []byte, seal cipher.AEAD) ([][]byte, error) {
	if crc32.Checksum(body, castagnoli) != f.sum {
		return nil, errFrameBody
	}
	if f.sealed {
		if seal == nil || len(body) < nonceSize+tagSize {
			return nil, errFrameKey
		}
		plain, err := seal.Open(nil, body[:nonceSize], body[nonceSize:], header[:28])
		if err != nil {
			return nil, errFrameKey
		}
		body = plain
	}
	if int64(f.count) > int64(len(body)) {
		return nil, errFrameBody
	}
	records := make([][]byte, 0, f.count)
	for range f.count {
		n, k := binary.Uvarint(body)
		if k <= 0 || n > uint64(len(body)-k) {
			return nil, errFrameBody
		}
		records = append(records, body[k:k+int(n):k+int(n)])
		body = body[k+int(n):]
	}
	if len(body) != 0 {
		return nil, errFrameBody
	}
	return records, nil
}
