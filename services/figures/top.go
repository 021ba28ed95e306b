package figures

import (
	"context"
	"fmt"

	"github.com/gatewatch/gatewatch/dashboards"
)

// most ends a question after the names with the most.
var most = fmt.Sprintf(" | sort n desc | limit %d", maxTop)

// Rules counts the blocked requests in which each rule scored.
func (r *Reader) Rules(ctx context.Context) (dashboards.Rules, error) {
	return r.top(ctx, blocks+" and rule.id: * | stats n = count() by rule.id"+most+" | keep rule.id, n")
}

// Attackers counts the blocked requests of each client; Detail is its country.
func (r *Reader) Attackers(ctx context.Context) (dashboards.Attackers, error) {
	return r.top(ctx, blocks+" and client.ip: * | stats n = count() by client.ip, client.geo.country_iso_code"+most+" | keep client.ip, client.geo.country_iso_code, n")
}

// Targets counts the blocked requests to each path; Detail is its site.
func (r *Reader) Targets(ctx context.Context) (dashboards.Targets, error) {
	return r.top(ctx, blocks+" and url.path: * | stats n = count() by url.path, waf.site"+most+" | keep url.path, waf.site, n")
}

// top reads rows of a name, details and a count.
func (r *Reader) top(ctx context.Context, text string) ([]dashboards.Count, error) {
	rows, err := r.ask(ctx, text)
	if err != nil {
		return nil, err
	}
	all := make([]dashboards.Count, len(rows))
	for i, row := range rows {
		all[i] = dashboards.Count{Name: clip(row[0]), N: row[len(row)-1].Int()}
		if len(row) > 2 {
			all[i].Detail = clip(row[1])
		}
	}
	return all, nil
}
