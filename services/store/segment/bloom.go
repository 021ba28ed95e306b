package segment

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// A Bloom filter is a run of lines of 64 bytes: 480 bits and a checksum of
// them. A value has 6 bits in one line, so a lookup reads 64 bytes.
const (
	lineBytes    = 64
	lineBits     = (lineBytes - 4) * 8
	bitsPerValue = 12
)

// Hash is the hash of a token (query.AppendToken) that filters are made of.
func Hash(token []byte) uint64 { return xxhash.Sum64(token) }

// appendBloom appends the filter of hashes, of which some may be equal.
func appendBloom(dst []byte, hashes []uint64) []byte {
	start := len(dst)
	dst, fresh := fillBloom(dst, hashes, len(hashes))
	if 4*fresh < 3*len(hashes) { // many were equal
		dst, _ = fillBloom(dst[:start], hashes, fresh+fresh/64+1)
	}
	for f := dst[start:]; len(f) > 0; f = f[lineBytes:] {
		binary.LittleEndian.PutUint32(f[lineBytes-4:], checksum(f[:lineBytes-4]))
	}
	return dst
}

// fillBloom appends the bits of hashes in a filter for n, without checksums, and
// returns how many hashes were not in it before.
func fillBloom(dst []byte, hashes []uint64, n int) ([]byte, int) {
	lines := (n*bitsPerValue + lineBits - 1) / lineBits
	start := len(dst)
	dst = append(dst, make([]byte, lines*lineBytes)...)
	f := dst[start:]
	fresh := 0
	for _, h := range hashes {
		line := f[lineOf(h, lines)*lineBytes:]
		known := byte(1)
		eachBit(h, func(bit int) bool {
			known &= line[bit>>3] >> (bit & 7)
			line[bit>>3] |= 1 << (bit & 7)
			return true
		})
		fresh += int(1 - known&1)
	}
	return dst, fresh
}

func lineOf(h uint64, lines int) int { return int(h >> 32 * uint64(lines) >> 32) }

// eachBit calls f with the bits of a hash until it returns false.
func eachBit(h uint64, f func(bit int) bool) bool {
	x := h * 0x9e3779b97f4a7c15
	for range 3 {
		if !f(int(x & 0xffff * lineBits >> 16)) {
			return false
		}
		x >>= 16
	}
	x = (h ^ h>>31) * 0xbf58476d1ce4e5b9
	for range 3 {
		if !f(int(x & 0xffff * lineBits >> 16)) {
			return false
		}
		x >>= 16
	}
	return true
}

// mayHold reads the line of a hash and tells whether the filter may hold it. A
// damaged line may hold anything.
func mayHold(src io.ReaderAt, off int64, length int, h uint64) (bool, error) {
	var line [lineBytes]byte
	at := off + int64(lineOf(h, length/lineBytes)*lineBytes)
	if _, err := src.ReadAt(line[:], at); err != nil {
		return true, fmt.Errorf("read filter: %w", cut(err))
	}
	return lineMayHold(line[:], h), nil
}

// lineMayHold tells whether the line of a filter may hold a hash.
func lineMayHold(line []byte, h uint64) bool {
	return eachBit(h, func(bit int) bool { return line[bit>>3]>>(bit&7)&1 == 1 }) ||
		checksum(line[:lineBytes-4]) != binary.LittleEndian.Uint32(line[lineBytes-4:])
}
