package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Requests yields the sealed requests of [RequestStream] that a query names, as
// [kept.FindFunc] says. Whoever calls it must have asked whether they may be read.
func (s *Columnar) Requests(ctx context.Context, q kept.Query, yield func(*event.Event) error) (kept.Page, error) {
	if q.Now.IsZero() {
		q.Now = s.cfg.Now()
	}
	parsed, err := requestQuery(q)
	if err != nil {
		return kept.Page{}, err
	}
	r := SearchRequest{Query: parsed, From: q.From, To: q.To, PageSize: q.PageSize, PageToken: q.PageToken}
	page, err := s.search(ctx, r, RequestStream, yield)
	return kept.Page{Next: page.NextToken, Partial: page.Stats.Partial}, err
}

// requestQuery makes the query of the conditions that q holds.
func requestQuery(q kept.Query) (*query.Query, error) {
	var all []string
	if strings.TrimSpace(q.Filter) != "" {
		filter, err := query.Parse(q.Filter, q.Now)
		if err != nil {
			return nil, err
		}
		if len(filter.Pipes) > 0 {
			return nil, fmt.Errorf("find requests: the filter has a pipe")
		}
		if err := kept.CheckFields(filter.Mentioned()); err != nil {
			return nil, fmt.Errorf("find requests: %w", err)
		}
		all = append(all, "("+q.Filter+")")
	}
	if q.ID != "" {
		all = append(all, event.HTTPRequestID.String()+": "+query.Quote(q.ID))
	}
	if q.Node != "" {
		all = append(all, event.WAFNode.String()+": "+query.Quote(q.Node))
	}
	if len(all) == 0 {
		return query.Parse("*", q.Now)
	}
	return query.Parse(strings.Join(all, " and "), q.Now)
}
