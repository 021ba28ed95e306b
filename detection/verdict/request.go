package verdict

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Request is an HTTP request of a corpus, one JSON object a line (DESIGN
// section 8). It shares no memory with the line that it was read from.
type Request struct {
	ID      string
	Site    string
	Method  string
	URI     string // as the client wrote it
	Proto   string
	Headers [][2]string // in the order of the client
	Body    []byte

	// Labels of a training or test corpus; scoring never looks at them.
	Attack  bool
	Labeled bool
	Class   string
	Source  string
}

// ReadRequest reads one line of a corpus. The error says which field is wrong.
func ReadRequest(line []byte, r *Request) error {
	var w struct {
		ID      string      `json:"id"`
		Site    string      `json:"site"`
		Method  *string     `json:"method"`
		URI     *string     `json:"uri"`
		Proto   string      `json:"proto"`
		Headers [][2]string `json:"headers"`
		Body    string      `json:"body"`
		Base64  bool        `json:"body_b64"`
		Label   string      `json:"label"`
		Class   string      `json:"class"`
		Source  string      `json:"source"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	if w.Method == nil || w.URI == nil {
		return errors.New("read request: it needs a method and a uri")
	}
	*r = Request{
		ID: w.ID, Site: w.Site, Method: *w.Method, URI: *w.URI, Proto: w.Proto, Headers: w.Headers,
		Body: []byte(w.Body), Class: w.Class, Source: w.Source,
	}
	switch w.Label {
	case "attack":
		r.Labeled, r.Attack = true, true
	case "legit":
		r.Labeled = true
	case "":
	default:
		return fmt.Errorf("read request: label: %q is neither attack nor legit", w.Label)
	}
	if r.Proto == "" {
		r.Proto = "HTTP/1.1"
	}
	if w.Base64 {
		body, err := base64.StdEncoding.DecodeString(w.Body)
		if err != nil {
			return fmt.Errorf("read request: body: %w", err)
		}
		r.Body = body
	}
	return nil
}

// header returns the first value of a header, "" if there is none.
func (r *Request) header(name string) string {
	for _, h := range r.Headers {
		if len(h[0]) == len(name) && bytes.EqualFold([]byte(h[0]), []byte(name)) {
			return h[1]
		}
	}
	return ""
}
