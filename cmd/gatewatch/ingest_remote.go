package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/queue"
)

// remoteTarget stores records over REST. A group without a source gets that of
// the token.
type remoteTarget struct{ *remote }

func (t *remoteTarget) close(context.Context) error { return nil }

func (t *remoteTarget) position(ctx context.Context, g *queue.Group) (uint64, error) {
	var out struct {
		Sequence json64 `json:"sequence"`
	}
	path := "/api/v1/ingest/position/" + g.Epoch.String()
	if g.Source != "" {
		path = "/api/v1/ingest/" + url.PathEscape(g.Source) + "/position/" + g.Epoch.String()
	}
	err := t.call(ctx, http.MethodGet, path, nil, &out)
	return uint64(out.Sequence), err
}

func (t *remoteTarget) put(ctx context.Context, g *queue.Group) (uint64, error) {
	type record struct {
		Sequence uint64 `json:"sequence"`
		Raw      []byte `json:"raw"`
		Cut      bool   `json:"cut,omitempty"`
	}
	records := make([]record, len(g.Records))
	for i, r := range g.Records {
		records[i] = record{r.Seq, r.Raw, r.Cut}
	}
	var out struct {
		Accepted json64 `json:"accepted"`
		Errors   []struct {
			Index  int    `json:"index"`
			Reason string `json:"reason"`
		} `json:"errors"`
	}
	err := t.call(ctx, http.MethodPost, "/api/v1/ingest", map[string]any{
		"source": g.Source, "format": g.Format, "header": g.Header, "epoch": g.Epoch.String(), "records": records,
	}, &out)
	if err == nil && len(out.Errors) > 0 {
		err = fmt.Errorf("server refused %d records: %s", len(out.Errors), out.Errors[0].Reason)
	}
	return uint64(out.Accepted), err
}

// json64 is a 64-bit number that JSON may hold as text.
type json64 uint64

func (n *json64) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(b), `"`), 10, 64)
	*n = json64(v)
	return err
}
