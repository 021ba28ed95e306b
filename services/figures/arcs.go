package figures

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/dashboards"
)

// Arcs counts blocked requests by the country of their clients, of their sources where
// no client is told; to is where the sites are, nil if nobody has said. Countries
// without a known place are left out.
func (r *Reader) Arcs(ctx context.Context, to *dashboards.Place) (a dashboards.Arcs, err error) {
	a.To = to
	counts := map[string]int64{}
	for _, of := range [][2]string{{"client.ip: *", "client"}, {"not client.ip: *", "source"}} {
		country := of[1] + ".geo.country_iso_code"
		rows, err := r.ask(ctx, blocks+" and "+of[0]+" and "+country+": * | stats n = count() by "+country+" | sort n desc | limit 300 | keep "+country+", n")
		if err != nil {
			return a, err
		}
		for _, row := range rows {
			counts[text(row[0])] += row[1].Int()
		}
	}
	for code, n := range counts {
		if place, ok := centres[code]; ok {
			a.Origins = append(a.Origins, dashboards.Origin{Name: code, Place: place, N: n})
		}
	}
	slices.SortFunc(a.Origins, func(x, y dashboards.Origin) int {
		return cmp.Or(cmp.Compare(y.N, x.N), strings.Compare(x.Name, y.Name))
	})
	a.Origins = a.Origins[:min(len(a.Origins), maxOrigins)]
	return a, nil
}

// maxOrigins is how many lines a map shows at most.
const maxOrigins = 60
