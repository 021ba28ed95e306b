package figures

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/triage"
)

// Desk is what is needed of one.
type Desk interface {
	Rates(ctx context.Context, l triage.RateList) (*triage.RatePage, error)
}

// kinds are the rates as charts name them.
var kinds = map[string]string{"false_positive": "false_positive", "missed": "missed", "false_block_share": "false_share"}

// Rates estimates how often the WAF is wrong: over all, then by site.
func (r *Reader) Rates(ctx context.Context, desk Desk) (dashboards.Rates, error) {
	return r.RatesOf(ctx, desk, r.From, r.To, triage.ScopeAll, triage.ScopeSite)
}

// RatesOf does so in another time range and by other scopes.
func (r *Reader) RatesOf(ctx context.Context, desk Desk, from, to time.Time, by ...string) (dashboards.Rates, error) {
	page, err := desk.Rates(ctx, triage.RateList{Selection: triage.Selection{From: from, To: to}, By: by, Size: maxTop})
	if err != nil {
		return nil, fmt.Errorf("estimate rates: %w", err)
	}
	for _, why := range page.Partial {
		r.amiss(why)
	}
	if page.Unjudged > 0 {
		r.amiss(fmt.Sprintf("%d decisions have no verdict and are not in the rates", page.Unjudged))
	}
	var all dashboards.Rates
	for _, scope := range page.Scopes {
		if !slices.Contains(by, triage.ScopeAll) && scope.Scope == triage.ScopeAll {
			continue
		}
		_, name, _ := strings.Cut(scope.Scope, ":")
		for i := range scope.Rates {
			x := &scope.Rates[i]
			all = append(all, dashboards.Rate{
				Kind: kinds[x.Rate.String()], Scope: name, Enough: x.Enough, Value: x.Value, Low: x.Low, High: x.High,
				Labels: x.Labels, N: x.Decisions, Why: x.Why,
			})
		}
	}
	return all, nil
}
