package ingest

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
)

// recordBytes is about what a record and its place in an answer take besides
// its bytes.
const recordBytes = 256

// bulkTypes are the media types of a bulk request.
var bulkTypes = []string{
	"application/x-ndjson", "application/json",
	"application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson",
}

// bulk takes the documents of a bulk request. index is that of the path, "" if
// it has none. The answer holds a status for each item:
//
//	201 the document is durable now
//	200 (index) or 409 (create) the source has stored a document under this id
//	400 the document or its action is malformed, or the action is neither
//	    index nor create; it was not stored
//	413 the document is larger than a record may be; it was not stored
//	429 or 503 the document was not stored, but others were; send it again
//
// If none was stored for want of room the whole request is answered with 429.
func (c *call) bulk(index string) {
	began := time.Now()
	source := c.bulkSource(index)
	if refused := c.contentType(bulkTypes...); refused != nil {
		c.refuse(source, refused)
		return
	}
	if index != "" {
		if err := checkIndex(index); err != nil {
			c.refuse("bulk", &refusal{http.StatusBadRequest, "invalid_index_name_exception", err.Error(), ReasonName})
			return
		}
	}
	b, refused := c.read()
	if refused != nil {
		c.refuse(source, refused)
		return
	}
	defer b.release()
	request := bulkRequest{index: index, max: c.cfg.MaxItems, reserve: b.reserve}
	if err := request.parse(b.data); err != nil {
		c.refuse(source, malformed(err))
		return
	}
	if refused := c.store(&request); refused != nil {
		c.refuse(source, refused)
		return
	}
	paths := parseFilter(c.r.URL.Query().Get("filter_path"))
	writeBody(c.w, http.StatusOK, c.answerType(), request.answer(paths, time.Since(began)))
}

// answerType is the media type that the sender speaks.
func (c *call) answerType() string {
	const compatible = "application/vnd.elasticsearch+json;compatible-with=8"
	if media := c.r.Header.Get("Accept"); len(media) >= 34 && media[:34] == compatible[:34] {
		return compatible
	}
	return "application/json"
}

// malformed is the refusal of a request that can't be split into items.
func malformed(err error) *refusal {
	switch {
	case errors.Is(err, ErrBusy):
		return unstored(err)
	case errors.Is(err, errManyItems):
		return &refusal{http.StatusRequestEntityTooLarge, "content_too_large_exception", err.Error(), ReasonTooLarge}
	}
	return &refusal{http.StatusBadRequest, "illegal_argument_exception", err.Error(), ReasonMalformed}
}

// store puts the documents of a request and writes the outcome into its items.
func (c *call) store(request *bulkRequest) *refusal {
	var groups []queue.Group
	bySource := map[string]int{}
	for i := range request.items {
		it := &request.items[i]
		source := c.bulkSource(it.index)
		if it.status != 0 {
			c.sink.Refuse(source, it.count, 1)
			continue
		}
		at, known := bySource[source]
		if !known {
			at = len(groups)
			bySource[source] = at
			groups = append(groups, queue.Group{Source: source, Format: "auto", Peer: peerText(c.peer)})
		}
		it.group, it.record = at, len(groups[at].Records)
		groups[at].Records = append(groups[at].Records, queue.Record{ID: c.bulkID(source, it), Raw: it.document})
	}
	errs := c.sink.Put(c.r.Context(), groups)
	return c.outcomes(request, groups, errs)
}

// outcomes gives each item its status. It returns the refusal of the whole
// request if nothing of it is durable and the sender should send it again.
func (c *call) outcomes(request *bulkRequest, groups []queue.Group, errs []error) *refusal {
	base := make([]int, len(groups)) // index of the first record of a group in errs
	for i := 1; i < len(groups); i++ {
		base[i] = base[i-1] + len(groups[i-1].Records)
	}
	durable, last := 0, error(nil)
	for i := range request.items {
		it := &request.items[i]
		if it.status != 0 {
			continue
		}
		g := &groups[it.group]
		var err error
		if errs != nil {
			err = errs[base[it.group]+it.record]
		}
		if it.id == "" && err == nil {
			it.id = g.EventID(&g.Records[it.record])
		}
		it.settle(err)
		if it.count != "" {
			last = err
			c.sink.Refuse(g.Source, it.count, 1)
		} else {
			durable++
		}
	}
	if durable == 0 && last != nil {
		f := unstored(last)
		f.count = "" // counted by item
		return f
	}
	return nil
}

// settle gives an item the status that belongs to the outcome of its record.
func (it *bulkItem) settle(err error) {
	switch known := errors.Is(err, ErrDuplicate) || errors.Is(err, ErrConflict); {
	case err == nil:
		it.status, it.result = http.StatusCreated, "created"
	case known && it.op == opCreate:
		it.fail(http.StatusConflict, "version_conflict_engine_exception",
			"["+it.id+"]: version conflict, document already exists (current version [1])", "")
	case known:
		it.status, it.result = http.StatusOK, "noop"
	default:
		f := unstored(err)
		it.fail(f.status, f.kind, f.reason, f.count)
	}
}
