package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
	"github.com/gatewatch/gatewatch/detection/parse"
)

// The actions of a bulk request.
const (
	opIndex  = "index"
	opCreate = "create"
	opUpdate = "update"
	opDelete = "delete"
)

// maxAction is the size of the largest action line in bytes; room for names that
// are refused by item.
const maxAction = 2 << 20

var errManyItems = errors.New("the request has too many items, send it in parts")

// bulkItem is one action with its document and, later, its outcome.
type bulkItem struct {
	action
	document      []byte // points into the body
	group, record int    // where the document went

	status       int // 0 as long as it is not decided
	result       string
	kind, reason string // of an error
	count        Reason // to count a refused document by
}

// action is what an action line says.
type action struct {
	op, index, id string
}

// fail gives an item an error.
func (it *bulkItem) fail(status int, kind, reason string, count Reason) {
	it.status, it.kind, it.reason, it.count = status, kind, reason, count
}

// bulkRequest is a bulk request split into its items.
type bulkRequest struct {
	index   string // of the path
	max     int
	reserve func(bytes int) error
	items   []bulkItem

	scan     jsonscan.Scanner
	lastLine []byte // the last action line and what it says: most repeat it
	last     action
}

// parse splits the body. A document that is malformed fails its item alone; an
// action line that is malformed makes the meaning of all lines after it unknown
// and fails the request, unless it is the end of a body that was cut off.
func (r *bulkRequest) parse(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("request body is required")
	}
	number := 0
	line := func() (text []byte, ended bool) {
		number++
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			text, data = data, nil
		} else {
			text, data, ended = data[:i], data[i+1:], true
		}
		return bytes.TrimSuffix(text, []byte("\r")), ended
	}
	for len(data) > 0 {
		text, ended := line()
		if len(text) == 0 {
			continue
		}
		if err := r.room(); err != nil {
			return err
		}
		it := bulkItem{}
		var err error
		if it.action, err = r.action(text); err != nil {
			if ended {
				return fmt.Errorf("malformed action/metadata line [%d]: %w", number, err)
			}
			it.op, it.index = opIndex, r.index
			it.fail(http.StatusBadRequest, "illegal_argument_exception", "the action line is cut off: "+err.Error(), ReasonMalformed)
			r.items = append(r.items, it)
			return nil
		}
		if it.op != opDelete {
			if len(data) == 0 {
				it.fail(http.StatusBadRequest, "illegal_argument_exception", "the document of the last action is missing", ReasonMalformed)
			} else {
				it.document, _ = line()
			}
		}
		r.check(&it)
		r.items = append(r.items, it)
	}
	return nil
}

// room makes sure that one more item may come.
func (r *bulkRequest) room() error {
	const step = 1024
	if len(r.items) >= r.max {
		return errManyItems
	}
	if len(r.items)%step == 0 {
		return r.reserve(step * recordBytes)
	}
	return nil
}

// check fails items that can't be stored.
func (r *bulkRequest) check(it *bulkItem) {
	if it.status != 0 {
		return
	}
	if it.index == "" {
		it.index = r.index
	}
	bad := func(status int, kind, reason string, count Reason) { it.fail(status, kind, reason, count) }
	switch {
	case it.op == opUpdate || it.op == opDelete:
		bad(http.StatusBadRequest, "illegal_argument_exception", "records are never changed: use index or create", ReasonOperation)
	case len(it.id) > maxID:
		bad(http.StatusBadRequest, "illegal_argument_exception", "id is longer than 512 bytes", ReasonName)
		it.id = ""
	case len(it.document) > parse.MaxRecord:
		bad(http.StatusRequestEntityTooLarge, "content_too_large_exception",
			fmt.Sprintf("document has %d bytes, more than %d", len(it.document), parse.MaxRecord), ReasonTooLarge)
	default:
		if err := r.document(it.document); err != nil {
			bad(http.StatusBadRequest, "document_parsing_exception", "failed to parse: "+err.Error(), ReasonMalformed)
		}
	}
	if it.index == "" {
		return
	}
	if err := checkIndex(it.index); err != nil {
		bad(http.StatusBadRequest, "invalid_index_name_exception", clipReason(err.Error()), ReasonName)
		it.index = clip(it.index)
	}
}

// clipReason bounds a reason that quotes what was sent.
func clipReason(s string) string {
	if len(s) > maxNodeText {
		return clip(s) + "…"
	}
	return s
}

// document checks that a line is one JSON object.
func (r *bulkRequest) document(line []byte) error {
	s := &r.scan
	s.Reset(line)
	t, err := s.Next()
	if err != nil {
		return err
	}
	if t.Kind != jsonscan.Object {
		return errors.New("the document is not an object")
	}
	for {
		if t, err = s.Next(); err != nil || t.Kind == jsonscan.End {
			return err
		}
	}
}

// action reads an action line: an object with one key, whose value is an object
// or null.
func (r *bulkRequest) action(line []byte) (action, error) {
	if r.lastLine != nil && bytes.Equal(line, r.lastLine) {
		return r.last, nil
	}
	if len(line) > maxAction {
		return action{}, errors.New("it is too long")
	}
	s := &r.scan
	s.Reset(line)
	if t, err := s.Next(); err != nil || t.Kind != jsonscan.Object {
		return action{}, orSyntax(err, "an object is expected")
	}
	t, err := s.Next()
	if err != nil || t.Kind != jsonscan.Key {
		return action{}, orSyntax(err, "an action is expected")
	}
	var a action
	switch op := string(t.Text); op {
	case opIndex, opCreate, opUpdate, opDelete:
		a.op = op
	default:
		return a, fmt.Errorf("expected field [create], [delete], [index] or [update] but found %.64q", op)
	}
	if err := a.metadata(s); err != nil {
		return a, err
	}
	if t, err = s.Next(); err != nil || t.Kind != jsonscan.ObjectEnd {
		return a, orSyntax(err, "more than one action")
	}
	if t, err = s.Next(); err != nil || t.Kind != jsonscan.End {
		return a, orSyntax(err, "text after the action")
	}
	r.lastLine, r.last = line, a
	return a, nil
}

func orSyntax(err error, otherwise string) error {
	if err != nil {
		return err
	}
	return errors.New(otherwise)
}

// metadata reads the value of an action. Keys other than _index and _id are of
// no meaning here.
func (a *action) metadata(s *jsonscan.Scanner) error {
	t, err := s.Next()
	if err != nil || t.Kind == jsonscan.Null {
		return err
	}
	if t.Kind != jsonscan.Object {
		return errors.New("the action is not an object")
	}
	for {
		key, err := s.Next()
		if err != nil || key.Kind == jsonscan.ObjectEnd {
			return err
		}
		var field *string
		switch string(key.Text) {
		case "_index":
			field = &a.index
		case "_id":
			field = &a.id
		default:
			if err := s.Skip(key); err != nil {
				return err
			}
			continue
		}
		v, err := s.Next()
		if err != nil {
			return err
		}
		if err := setText(field, v); err != nil {
			return fmt.Errorf("%s: %w", key.Text, err)
		}
	}
}

// setText sets a field to a string or number, and leaves it with null.
func setText(field *string, v jsonscan.Token) error {
	switch v.Kind {
	case jsonscan.Null:
		return nil
	case jsonscan.Number:
		*field = string(v.Text)
		return nil
	case jsonscan.String:
		*field = string(jsonscan.Unquote(nil, v.Text))
		return nil
	}
	return errors.New("a string is expected")
}
