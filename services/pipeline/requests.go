package pipeline

import (
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/kept"
)

// requests reads sealed copies of requests ([kept.Format]), which only the stream
// of a node brings.
var requests = &parse.Format{Name: kept.Format, Parse: parseRequest}

func parseRequest(raw []byte, _ *parse.Context, e *event.Event) error {
	if err := kept.Parse(raw, e); err != nil {
		return &parse.Error{Reason: "bad copy", Detail: err.Error()}
	}
	return nil
}
