package audit

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// The file of the tail holds the leaves of the unfinished bundle in the batches
// in which they came. Integers are little-endian.
//
//	magic 8, index of the first leaf 8, CRC32C of these 4
//	batch: length of the body 4, CRC32C of the body 4, body
//	body: number of leaves 2, their hashes, the leaves as entries of a bundle,
//	then the signed checkpoint of the tree with them
const (
	tailMagic = "GWAUD\x00\x00\x01"
	tailHead  = len(tailMagic) + 8 + 4
	batchHead = 8
	// maxBatch bounds the leaves of a batch in bytes, so that a reader of a
	// damaged file takes little memory.
	maxBatch = 1 << 20
	maxBody  = maxBatch + maxLeaf + width*(tlog.HashSize+2) + maxNote
	maxNote  = 4 << 10
	maxTail  = int64(tailHead) + width*int64(batchHead+2+tlog.HashSize+2+maxLeaf+maxNote)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newTail(first int64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(tailMagic), uint64(first))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// appendBatch appends a batch of leaves, at most width of them.
func appendBatch(b []byte, leaves [][]byte, hashes []tlog.Hash, signed []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, batchHead)...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(leaves)))
	b = appendHashes(b, hashes)
	for _, l := range leaves {
		b = appendEntry(b, l)
	}
	b = append(b, signed...)
	body := b[at+batchHead:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(body, castagnoli))
	return b
}

// batch is what appendBatch wrote. It shares memory with the file.
type batch struct {
	leaves [][]byte
	hashes []tlog.Hash
	signed []byte
	end    int // where it ends in the file
}

var (
	errTail = errors.New("head of the tail is damaged")
	// errTorn means that the file ends within a batch, as a crash leaves it.
	errTorn  = errors.New("file ends within a batch")
	errBatch = errors.New("batch is damaged")
)

func readTail(dir string) ([]byte, error) { return readBounded(filepath.Join(dir, tailFile), maxTail) }

// tailFirst reads the head of a tail.
func tailFirst(b []byte) (int64, error) {
	if len(b) < tailHead || string(b[:len(tailMagic)]) != tailMagic ||
		crc32.Checksum(b[:tailHead-4], castagnoli) != binary.LittleEndian.Uint32(b[tailHead-4:]) {
		return 0, errTail
	}
	first := binary.LittleEndian.Uint64(b[len(tailMagic):])
	if first%width != 0 || first > 1<<50 {
		return 0, errTail
	}
	return int64(first), nil
}

// nextBatch reads the batch at a place of a tail. A whole batch whose checksum is
// wrong is errBatch; with it comes what can be read of its leaves.
func nextBatch(b []byte, at int) (batch, error) {
	if len(b)-at < batchHead {
		return batch{}, errTorn
	}
	length := binary.LittleEndian.Uint32(b[at:])
	if length > maxBody {
		return batch{}, errBatch
	}
	if len(b)-at-batchHead < int(length) {
		return batch{}, errTorn
	}
	body := b[at+batchHead : at+batchHead+int(length)]
	x, err := readBody(body)
	x.end = at + batchHead + len(body)
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[at+4:]) {
		err = errBatch
	}
	return x, err
}

func readBody(body []byte) (batch, error) {
	var x batch
	if len(body) < 2 {
		return x, errBatch
	}
	n := int(binary.LittleEndian.Uint16(body))
	body = body[2:]
	if n == 0 || n > width || len(body) < n*tlog.HashSize {
		return x, errBatch
	}
	x.hashes = make([]tlog.Hash, n)
	for i := range x.hashes {
		copy(x.hashes[i][:], body[i*tlog.HashSize:])
	}
	body = body[n*tlog.HashSize:]
	for range n {
		leaf, rest, err := nextEntry(body)
		if err != nil {
			return x, errBatch
		}
		x.leaves = append(x.leaves, leaf)
		body = rest
	}
	x.signed = body
	return x, nil
}

// strange returns the first of the leaves that is not what its hash says, -1 if
// there is none.
func (x *batch) strange() int {
	for i, h := range x.hashes {
		if i >= len(x.leaves) || tlog.RecordHash(x.leaves[i]) != h {
			return i
		}
	}
	return -1
}
