package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
)

// requestServer is RequestService over the requests of a store.
type requestServer struct {
	gatewatchv1.UnimplementedRequestServiceServer
	api *API
}

// Bounds of what is read of requests.
const (
	maxRequestPage   = 100
	maxRequestFilter = 4 << 10 // it stands in a leaf of the audit log
	maxLeafIDs       = 8 << 10 // bytes of ids in a leaf
)

// ListRequests implements RequestService.
func (s requestServer) ListRequests(ctx context.Context, req *gatewatchv1.ListRequestsRequest) (*gatewatchv1.ListRequestsResponse, error) {
	q, err := s.query(req)
	if err != nil {
		return nil, err
	}
	resp, err := s.page(ctx, q, req.GetContent())
	if err != nil {
		return nil, err
	}
	detail := map[string]string{
		"call": "ListRequests", "filter": req.GetFilter(), "from": leafTime(q.From), "to": leafTime(q.To), "content": strconv.FormatBool(req.GetContent()),
	}
	if err := s.audit(ctx, "list", detail, resp.GetRequests()); err != nil {
		return nil, err
	}
	return resp, nil
}

// leafTime writes a bound of time in a leaf, "" if there is none.
func leafTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// query reads what a page is asked for.
func (s requestServer) query(req *gatewatchv1.ListRequestsRequest) (kept.Query, error) {
	q := kept.Query{Filter: req.GetFilter()}
	if len(q.Filter) > maxRequestFilter {
		return q, &badField{"filter", fmt.Errorf("has more than %d bytes", maxRequestFilter)}
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return q, err
	}
	q.PageSize = min(size, maxRequestPage)
	if q.Now, q.PageToken, err = parsePageToken(req.GetPageToken(), s.api.parts.Now()); err != nil {
		return q, err
	}
	chosen, err := selection(req, q.Now)
	q.From, q.To = chosen.From, chosen.To
	return q, err
}

// page reads one page: at most maxPageBytes, but at least one request.
func (s requestServer) page(ctx context.Context, q kept.Query, content bool) (*gatewatchv1.ListRequestsResponse, error) {
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	for {
		resp, bytes := &gatewatchv1.ListRequestsResponse{}, 0
		page, err := s.api.parts.Requests.Each(ctx, q, func(c *kept.Copy) error {
			converted := newProtoRequest(c, content)
			resp.Requests = append(resp.Requests, converted)
			if bytes += proto.Size(converted); bytes > maxPageBytes && len(resp.Requests) > 1 {
				return errPageFull
			}
			return nil
		})
		switch {
		case errors.Is(err, errPageFull):
			// Only the store can name the place where a page ends; see search.
			q.PageSize = len(resp.Requests) - 1
		case err != nil:
			return nil, fmt.Errorf("list requests: %w", err)
		default:
			resp.NextPageToken = newPageToken(page.Next, q.Now)
			resp.Unreadable, resp.Warnings = int64(page.Unreadable), page.Partial
			return resp, nil
		}
	}
}

// GetRequest implements RequestService.
func (s requestServer) GetRequest(ctx context.Context, req *gatewatchv1.GetRequestRequest) (*gatewatchv1.GetRequestResponse, error) {
	if req.GetId() == "" {
		return nil, &badField{"id", errors.New("is missing")}
	}
	release, err := turn(ctx, s.api.searches)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := s.api.parts.Requests.Get(ctx, req.GetNode(), req.GetId())
	switch {
	case errors.Is(err, kept.ErrNotFound), kept.IsGone(err):
		return nil, &notFound{"request that is kept and can be opened with id", req.GetId()}
	case err != nil:
		return nil, fmt.Errorf("get request: %w", err)
	}
	found := newProtoRequest(&c, true)
	detail := map[string]string{"call": "GetRequest", "content": "true"}
	if err := s.audit(ctx, found.GetId(), detail, []*gatewatchv1.KeptRequest{found}); err != nil {
		return nil, err
	}
	return &gatewatchv1.GetRequestResponse{Request: found}, nil
}

// audit writes which requests a caller is about to be given. Where they are too
// many to be named in a leaf, the hash over all names tells them still.
func (s requestServer) audit(ctx context.Context, object string, detail map[string]string, given []*gatewatchv1.KeptRequest) error {
	caller, _ := access.FromContext(ctx)
	sum, names, size := sha256.New(), [][2]string{}, 0
	for _, r := range given {
		name := [2]string{r.GetNode(), r.GetId()}
		line, err := json.Marshal(name)
		if err != nil {
			return fmt.Errorf("audit read of requests: %w", err)
		}
		sum.Write(append(line, '\n'))
		if size += len(line); size <= maxLeafIDs {
			names = append(names, name)
		}
	}
	text, err := json.Marshal(names)
	if err != nil {
		return fmt.Errorf("audit read of requests: %w", err)
	}
	detail["n"], detail["requests"] = strconv.Itoa(len(given)), string(text)
	leaf := audit.Leaf{Actor: caller.String(), Act: audit.ActRequests, Object: object, Detail: detail, Hash: hex.EncodeToString(sum.Sum(nil))}
	if _, err := s.api.parts.Audit(ctx, leaf); err != nil {
		return fmt.Errorf("audit read of requests: %w", err)
	}
	return nil
}
