package store

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"github.com/gatewatch/gatewatch/services/store/query"
)

// pageToken says where the next page of a search begins: behind a place in the
// order of events, or behind a number of results where the query has an order
// of its own.
type pageToken struct {
	after *position
	count int // results of all pages before
}

const tokenVersion = 1

// String encodes a token for a query.
func (t pageToken) encode(q *query.Query) string {
	b := []byte{tokenVersion}
	b = binary.LittleEndian.AppendUint32(b, fingerprint(q))
	b = binary.AppendUvarint(b, uint64(t.count))
	if p := t.after; p != nil {
		b = binary.AppendVarint(b, p.time)
		b = binary.AppendUvarint(b, uint64(p.seen))
		b = binary.AppendUvarint(b, uint64(len(p.id)))
		b = append(b, p.id...)
		b = append(b, p.source...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// maxToken bounds the tokens that are looked at: they hold an event.id, which a
// client chose.
const maxToken = 1 << 16

// decodeToken reads a token, which anyone may have written.
func decodeToken(q *query.Query, text string) (pageToken, error) {
	if text == "" {
		return pageToken{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 5 || len(b) > maxToken || b[0] != tokenVersion || binary.LittleEndian.Uint32(b[1:]) != fingerprint(q) {
		return pageToken{}, ErrPageToken
	}
	b = b[5:]
	t := pageToken{}
	count, n := binary.Uvarint(b)
	if n <= 0 || count > 1<<40 {
		return pageToken{}, ErrPageToken
	}
	t.count = int(count)
	if b = b[n:]; len(b) == 0 {
		return t, nil
	}
	p := &position{}
	if p.time, n = binary.Varint(b); n <= 0 {
		return pageToken{}, ErrPageToken
	}
	b = b[n:]
	seen, n := binary.Uvarint(b)
	if n <= 0 || seen > 1<<40 {
		return pageToken{}, ErrPageToken
	}
	b = b[n:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return pageToken{}, ErrPageToken
	}
	b = b[n:]
	p.seen, p.id, p.source = int(seen), string(b[:size]), string(b[size:])
	t.after = p
	return t, nil
}

// fingerprint tells queries apart, so that a token is not used with another.
func fingerprint(q *query.Query) uint32 {
	h := fnv.New32a()
	h.Write([]byte(q.Text)) // never fails
	return h.Sum32()
}
