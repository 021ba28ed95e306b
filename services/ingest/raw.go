package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

// rawAnswer tells what became of the lines of a request. On a refusal half way
// Accepted says how many of the first records are durable.
type rawAnswer struct {
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Cut        int         `json:"cut"` // records that were cut to the largest size
	Refused    []rawRefuse `json:"refused"`
	Error      string      `json:"error,omitempty"`
}

type rawRefuse struct {
	Index  int    `json:"index"` // of the first record refused, from 0
	Count  int    `json:"count"`
	Reason Reason `json:"reason"`
}

// So much is stored at once: a chunk is one frame of the queue, and in memory as
// long as the queue keeps any of its records there.
const (
	chunkRecords = 20_000
	chunkBytes   = 4 << 20
)

// raw takes the lines of a body as records of a format, or with framing=none the
// body as one record. The source is that of the token, else that of the
// parameter source, else "raw".
func (c *call) raw(format string) {
	query := c.r.URL.Query()
	source, err := c.from.Source(query.Get("source"), "raw")
	if err != nil {
		c.refuse("raw", &refusal{http.StatusBadRequest, "illegal_argument_exception", err.Error(), ReasonName})
		return
	}
	f, ok := parse.Lookup(format)
	if !ok {
		c.refuse(source, &refusal{
			http.StatusNotFound, "resource_not_found_exception",
			fmt.Sprintf("unknown format %.64q; formats: %s", format, formatNames()), ReasonUnknown,
		})
		return
	}
	framing := query.Get("framing")
	if framing != "" && framing != "lines" && framing != "none" {
		c.refuse(source, &refusal{http.StatusBadRequest, "illegal_argument_exception", "framing is neither lines nor none", ""})
		return
	}
	// The last is what programs say that were told nothing.
	refused := c.contentType("", "text/plain", "application/x-ndjson", "application/json", "text/csv",
		"application/octet-stream", "application/x-www-form-urlencoded")
	if refused != nil {
		c.refuse(source, refused)
		return
	}
	b, refused := c.read()
	if refused != nil {
		c.refuse(source, refused)
		return
	}
	defer b.release()
	g := queue.Group{Source: source, Format: format, Peer: peerText(c.peer)}
	in := &rawStore{call: c, body: b, group: g, answer: rawAnswer{Refused: []rawRefuse{}}}
	if framing == "none" {
		err = in.whole()
	} else {
		err = in.lines(parse.LinesOf(b.data, f, 0))
	}
	in.finish(err)
}

func formatNames() string {
	var names []string
	for _, f := range parse.Formats() {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

// rawStore stores the records of one request in order.
type rawStore struct {
	*call
	body   *body
	group  queue.Group // without records
	answer rawAnswer
	chunk  []queue.Record
	bytes  int // of chunk
	before int // records of the chunk before
}

// whole stores the body as one record.
func (s *rawStore) whole() error {
	if len(s.body.data) == 0 {
		return nil
	}
	raw := s.body.data
	extra := len(raw) - parse.MaxRecord
	if extra > 0 {
		s.cut(int64(extra))
		raw = raw[:parse.MaxRecord]
	}
	s.chunk = append(s.chunk, queue.Record{Raw: raw, Cut: extra > 0})
	return s.flush()
}

// lines stores each line of the body. A header line is no record; it governs
// those after it.
func (s *rawStore) lines(lines *parse.Framer) error {
	if err := s.body.reserve(chunkRecords * recordBytes); err != nil {
		return err
	}
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return s.flush()
		}
		if err != nil {
			return err
		}
		if line.Header != s.group.Header || len(s.chunk) == chunkRecords || s.bytes >= chunkBytes {
			if err := s.flush(); err != nil {
				return err
			}
			s.group.Header = line.Header
		}
		if line.Dropped > 0 {
			s.cut(line.Dropped)
		}
		if s.chunk == nil {
			s.chunk = make([]queue.Record, 0, s.expect(len(line.Line)))
		}
		s.bytes += len(line.Line)
		s.chunk = append(s.chunk, queue.Record{Raw: slices.Clip(line.Line), Cut: line.Dropped > 0})
	}
}

// expect returns how many records a chunk will have, about: as many as the one
// before, or if there is none as there are lines of the size of its first.
func (s *rawStore) expect(size int) int {
	n := s.before
	if n == 0 {
		n = min(len(s.body.data), chunkBytes) / (size + 1)
	}
	return min(n+n/16+1, chunkRecords)
}

func (s *rawStore) cut(bytes int64) {
	s.answer.Cut++
	st := s.sink.sources.of(s.group.Source)
	st.cut.Add(1)
	st.cutBytes.Add(uint64(bytes))
}

// flush makes the chunk durable.
func (s *rawStore) flush() error {
	if len(s.chunk) == 0 {
		return nil
	}
	g := s.group
	g.Records = s.chunk
	s.chunk, s.bytes, s.before = nil, 0, len(s.chunk)
	if errs := s.sink.Put(s.r.Context(), []queue.Group{g}); errs != nil {
		reason := reasonOf(errs[0])
		s.sink.Refuse(g.Source, reason, len(g.Records))
		s.answer.Refused = append(s.answer.Refused, rawRefuse{s.answer.Accepted, len(g.Records), reason})
		return errs[0]
	}
	s.answer.Accepted += len(g.Records)
	return nil
}

// finish writes the answer.
func (s *rawStore) finish(err error) {
	code := http.StatusOK
	if err != nil {
		f := unstored(err)
		code, s.answer.Error = f.status, f.reason
		s.w.Header().Set("Retry-After", "1")
	}
	out, merr := json.Marshal(s.answer)
	if merr != nil {
		code = http.StatusInternalServerError
	}
	writeBody(s.w, code, "application/json", append(out, '\n'))
}
