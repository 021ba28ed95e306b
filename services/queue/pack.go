package queue

import (
	"encoding/binary"
	"runtime"
	"slices"

	"github.com/klauspost/compress/s2"
)

// A packed body is the length of what it unpacks to as a varint, then blocks: the
// length of each in 4 bytes, then an S2 block of at most packBlock bytes. Log lines
// become a fifth, which takes less time than to write the rest.
const (
	packBlock = 256 << 10 // fits the cache of a processor
	minPacked = 4 << 10   // a shorter body is written as it is

	// After so many blocks, about two milliseconds, others go first that wait for
	// the processor, queries perhaps: a goroutine is not interrupted for ten.
	turnBlocks = 8
)

// appendPacked packs a body behind dst. It reports false where that would save
// less than an eighth of some block; dst may be used again then.
func appendPacked(dst, body []byte) ([]byte, bool) {
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	for len(body) > 0 {
		block := body[:min(len(body), packBlock)]
		body = body[len(block):]
		at := len(dst) + 4
		dst = slices.Grow(dst, 4+s2.MaxEncodedLen(len(block)))
		packed := s2.Encode(dst[at:cap(dst)], block)
		if len(packed) > len(block)-len(block)/8 && len(block) >= minPacked {
			return dst, false
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(packed)))
		dst = dst[:at+len(packed)]
		if len(body)/packBlock%turnBlocks == turnBlocks-1 {
			runtime.Gosched()
		}
	}
	return dst, true
}

// unpack returns what appendPacked packed.
func unpack(b []byte) ([]byte, error) {
	total, n := binary.Uvarint(b)
	if n <= 0 || total > maxAppendBytes {
		return nil, errBody
	}
	blocks := b[n:]
	sum := uint64(0)
	for rest := blocks; len(rest) > 0; {
		block, after := nextBlock(rest)
		size, err := s2.DecodedLen(block)
		if err != nil || size == 0 || size > packBlock {
			return nil, errBody
		}
		sum, rest = sum+uint64(size), after
	}
	if sum != total {
		return nil, errBody
	}
	out := make([]byte, 0, total)
	for len(blocks) > 0 {
		block, after := nextBlock(blocks)
		part, err := s2.Decode(out[len(out):cap(out)], block)
		if err != nil {
			return nil, errBody
		}
		out, blocks = out[:len(out)+len(part)], after
	}
	return out, nil
}

// nextBlock cuts off the first block, an empty one where its length is wrong.
func nextBlock(b []byte) (block, rest []byte) {
	if len(b) < 4 {
		return nil, nil
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil
	}
	return b[4 : 4+n], b[4+n:]
}
