package figures

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/gatewatch/gatewatch/dashboards"
)

//go:embed centres.txt
var centresText string

// centres are points inside of countries, by the codes of ISO 3166-1: near enough for
// a map of the earth.
var centres = readCentres(centresText)

// readCentres reads lines of a code, a latitude and a longitude.
func readCentres(text string) map[string]dashboards.Place {
	all := map[string]dashboards.Place{}
	for line := range strings.Lines(text) {
		var code string
		var p dashboards.Place
		if _, err := fmt.Sscan(line, &code, &p.Latitude, &p.Longitude); err != nil {
			panic("figures: centres.txt: " + line) // it is a part of the program
		}
		all[code] = p
	}
	return all
}
