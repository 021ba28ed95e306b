package figures

import (
	"context"

	"github.com/gatewatch/gatewatch/dashboards"
)

// Arcs counts blocked requests by the country that they came from; to is where the
// sites are, nil if nobody has said. Countries without a known place are left out.
func (r *Reader) Arcs(ctx context.Context, to *dashboards.Place) (a dashboards.Arcs, err error) {
	a.To = to
	rows, err := r.ask(ctx, blocks+" and source.geo.country_iso_code: * | stats n = count() by source.geo.country_iso_code | sort n desc | limit 300 | keep source.geo.country_iso_code, n")
	if err != nil {
		return a, err
	}
	for _, row := range rows {
		code := text(row[0])
		if place, ok := centres[code]; ok && len(a.Origins) < maxOrigins {
			a.Origins = append(a.Origins, dashboards.Origin{Name: code, Place: place, N: row[1].Int()})
		}
	}
	return a, nil
}

// maxOrigins is how many lines a map shows at most.
const maxOrigins = 60
