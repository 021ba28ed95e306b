package waf

import (
	"errors"
	"io"
	"net/http"
)

// passTrailers announces the trailers of a request that are known by now to the
// upstream and fills them in at the end of its body. Those that would take the
// place of the node's own headers stay behind.
func passTrailers(in, out *http.Request) {
	out.Trailer = nil
	for name := range in.Trailer {
		if isOwned(name) || isOwned(dashes(name)) {
			continue
		}
		if out.Trailer == nil {
			out.Trailer = http.Header{}
		}
		out.Trailer[name] = nil
	}
	if out.Trailer != nil && out.Body != nil {
		out.Body = &trailing{ReadCloser: out.Body, in: in, out: out.Trailer}
	}
}

// trailing copies trailers, which are known at the end of a body only.
type trailing struct {
	io.ReadCloser
	in  *http.Request
	out http.Header
}

func (t *trailing) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if errors.Is(err, io.EOF) {
		for name := range t.out {
			t.out[name] = t.in.Trailer[name]
		}
	}
	return n, err
}
