package verdict

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// MarshalJSON writes the request as one object of a corpus (DESIGN section 8),
// which [ReadRequest] reads: the body as text where it is UTF-8, else in base64.
// Bytes of other fields that are no UTF-8 become U+FFFD.
func (r *Request) MarshalJSON() ([]byte, error) {
	w := struct {
		ID      string      `json:"id"`
		Site    string      `json:"site,omitempty"`
		Method  string      `json:"method"`
		URI     string      `json:"uri"`
		Proto   string      `json:"proto,omitempty"`
		Headers [][2]string `json:"headers"`
		Body    string      `json:"body,omitempty"`
		Base64  bool        `json:"body_b64,omitempty"`
		Label   string      `json:"label,omitempty"`
		Class   string      `json:"class,omitempty"`
		Source  string      `json:"source,omitempty"`
	}{
		ID: r.ID, Site: r.Site, Method: r.Method, URI: r.URI, Proto: r.Proto, Headers: r.Headers,
		Class: r.Class, Source: r.Source,
	}
	if w.Headers == nil {
		w.Headers = [][2]string{}
	}
	if w.Base64 = !utf8.Valid(r.Body); w.Base64 {
		w.Body = base64.StdEncoding.EncodeToString(r.Body)
	} else {
		w.Body = string(r.Body)
	}
	switch {
	case r.Labeled && r.Attack:
		w.Label = "attack"
	case r.Labeled:
		w.Label = "legit"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // requests are full of <, > and &
	if err := e.Encode(w); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
