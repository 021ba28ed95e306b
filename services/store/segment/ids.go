package segment

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// isHex tells whether text has only lower-case hexadecimal digits.
func isHex(s []byte) bool {
	bad := byte(0)
	for _, c := range s {
		bad |= nibbles[c]
	}
	return bad&noNibble == 0
}

var dashes = [4]int{8, 13, 18, 23}

// isUUID tells whether text has the form 8-4-4-4-12 of lower-case digits.
func isUUID(s []byte) bool {
	if len(s) != 36 {
		return false
	}
	at := 0
	for _, d := range dashes {
		if s[d] != '-' || !isHex(s[at:d]) {
			return false
		}
		at = d + 1
	}
	return isHex(s[at:])
}

// epochText is the length of an epoch as made ids have it.
const epochText = 32

// isMadeID tells whether text is an epoch and a sequence number as
// queue.Group.EventID writes them: 32 digits, a dash, a decimal number.
func isMadeID(s []byte) bool {
	_, ok := madeSeq(s)
	return ok && isHex(s[:epochText])
}

// areMadeIDs tells whether [isMadeID] holds of all entries.
func areMadeIDs(c *Column) bool {
	var epoch []byte // of the entry before
	for _, x := range c.nums[:c.n] {
		s := textAt(x, c.data)
		if _, ok := madeSeq(s); !ok {
			return false
		}
		if !bytes.Equal(s[:epochText], epoch) {
			if epoch = s[:epochText]; !isHex(epoch) {
				return false
			}
		}
	}
	return true
}

// madeSeq returns the sequence number of a made id.
func madeSeq(s []byte) (seq uint64, ok bool) {
	if len(s) < 34 || len(s) > 32+1+20 || s[32] != '-' || s[33] == '0' && len(s) > 34 {
		return 0, false
	}
	for _, c := range s[33:] {
		d := uint64(c - '0')
		if d > 9 || seq > (1<<64-1-d)/10 {
			return 0, false
		}
		seq = seq*10 + d
	}
	return seq, true
}

const noNibble = 0x80

// nibbles has the value of each lower-case hexadecimal digit, noNibble for all
// other bytes.
var nibbles = func() (t [256]byte) {
	for c := range t {
		t[c] = noNibble
	}
	for i := range lowerHex {
		t[lowerHex[i]] = byte(i)
	}
	return t
}()

// appendHex writes fixed-length hexadecimal text as bytes; a UUID without its
// dashes.
func (e *encoder) appendHex(dst []byte, c *Column, enc byte) []byte {
	e.buf = e.buf[:0]
	width := int(c.nums[0] & (1<<32 - 1))
	for _, x := range c.nums[:c.n] {
		s := textAt(x, c.data)
		for i := 0; i < len(s); {
			if s[i] == '-' {
				i++
				continue
			}
			e.buf = append(e.buf, nibbles[s[i]]<<4|nibbles[s[i+1]])
			i += 2
		}
	}
	if enc == encHex {
		dst = append(dst, byte(width/2))
	}
	return appendStream(dst, e.buf)
}

// hex decodes n values of appendHex.
func (r *reader) hex(c *Column, enc byte) {
	width := 16
	if enc == encHex {
		width = int(r.byte())
	}
	p := r.stream(c.n * width)
	if r.bad || width == 0 || len(p) != c.n*width {
		r.fail()
		return
	}
	c.text = &hexText{width: width, raw: p, uuid: enc == encUUID}
}

// maxEpochs is the number of epochs that one column of ids can hold: their
// numbers have 16 bits.
const maxEpochs = 1 << 16

// appendIDs writes made ids: the epochs, the epoch of each entry, and the
// distance of its sequence number from the one before in the same epoch.
func (e *encoder) appendIDs(dst []byte, c *Column) []byte {
	index := map[[epochText]byte]int{}
	var epochs []byte
	var last []uint64
	e.diff, e.buf = e.diff[:0], e.buf[:0]
	var high, epoch []byte // epoch is that of number k
	k := 0
	for _, x := range c.nums[:c.n] {
		s := textAt(x, c.data)
		if !bytes.Equal(s[:epochText], epoch) {
			epoch = s[:epochText]
			var ok bool
			if k, ok = index[[epochText]byte(epoch)]; !ok {
				k = len(last)
				index[[epochText]byte(epoch)] = k
				last = append(last, 0)
				epochs = append(epochs, epoch...)
			}
		}
		seq, _ := madeSeq(s)
		e.diff = append(e.diff, seq-last[k])
		last[k] = seq
		e.buf = append(e.buf, byte(k))
		high = append(high, byte(k>>8))
	}
	dst = binary.AppendUvarint(dst, uint64(len(last)))
	raw, err := hex.AppendDecode(nil, epochs)
	if err != nil {
		panic("segment: made id is not hexadecimal") // isMadeID said otherwise
	}
	dst = append(dst, raw...)
	if len(last) > 1 {
		dst = appendStream(dst, append(e.buf, high...))
	}
	return e.appendInts(dst, append([]uint64(nil), e.diff...))
}

// ids decodes n values of appendIDs.
func (r *reader) ids(c *Column) {
	n := int(r.uvarint(maxEpochs))
	raw := r.take(16 * n)
	if r.bad || n == 0 {
		r.fail()
		return
	}
	var codes []byte
	if n > 1 {
		if codes = r.stream(2 * c.n); len(codes) != 2*c.n {
			r.fail()
			return
		}
	}
	t := &idText{epochs: raw, codes: codes, seq: r.ints(c.n)}
	if r.bad {
		return
	}
	last := make([]uint64, n)
	for i, d := range t.seq {
		k := t.epoch(i)
		if k >= n {
			r.fail()
			return
		}
		last[k] += d
		t.seq[i] = last[k]
	}
	c.text = t
}
