package enrich

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/gatewatch/gatewatch/detection/event"
)

// record is what an mmdb file says of a network: the values of geoNames and
// networkNames, where it has them. It reads the layouts of MaxMind and DB-IP (country.iso_code,
// city.names.en, …), of ip-location-db (country_code, state1, city) and of
// IPinfo (country, asn, as_name). Names are the English ones.
type record struct {
	geo     [len(geoNames)]event.Value
	network [len(networkNames)]event.Value

	hasGeo, hasNetwork bool
}

// Places in geo.
const (
	geoContinent = iota
	geoCountry
	geoCountryName
	geoRegion
	geoRegionName
	geoCity
	geoPostal
	geoTimezone
	geoLat
	geoLon
)

const (
	networkNumber = iota
	networkName
)

// maxGeoText bounds a text of an mmdb file, in bytes.
const maxGeoText = 256

// recordPaths tells where the keys of a record belong. Paths are written with
// dots; the first element of a list has the path of the list. At most one of the
// paths of a value is in a record of any of the layouts.
var recordPaths = map[string]func(r *record, text string, number float64){
	"continent.code":        geoText(geoContinent),
	"continent_code":        geoText(geoContinent),
	"country.iso_code":      geoText(geoCountry),
	"country_code":          geoText(geoCountry),
	"country":               geoText(geoCountry),
	"country.names.en":      geoText(geoCountryName),
	"country_name":          geoText(geoCountryName),
	"subdivisions.iso_code": geoText(geoRegion),
	"subdivisions.names.en": geoText(geoRegionName),
	"state1":                geoText(geoRegionName),
	"region":                geoText(geoRegionName),
	"city.names.en":         geoText(geoCity),
	"city":                  geoText(geoCity),
	"postal.code":           geoText(geoPostal),
	"postcode":              geoText(geoPostal),
	"postal_code":           geoText(geoPostal),
	"location.time_zone":    geoText(geoTimezone),
	"timezone":              geoText(geoTimezone),
	"location.latitude":     geoNumber(geoLat, 90),
	"latitude":              geoNumber(geoLat, 90),
	"lat":                   geoNumber(geoLat, 90),
	"location.longitude":    geoNumber(geoLon, 180),
	"longitude":             geoNumber(geoLon, 180),
	"lng":                   geoNumber(geoLon, 180),

	"autonomous_system_number":       asNumber,
	"asn":                            asNumber,
	"autonomous_system_organization": asName,
	"as_name":                        asName,
	"as_organization":                asName,
}

func geoText(at int) func(*record, string, float64) {
	return func(r *record, text string, _ float64) {
		if isPlain(text) {
			r.geo[at] = event.String(text)
		}
	}
}

func geoNumber(at int, most float64) func(*record, string, float64) {
	return func(r *record, text string, n float64) {
		if text != "" {
			var err error
			if n, err = strconv.ParseFloat(text, 64); err != nil {
				return
			}
		}
		if math.Abs(n) <= most {
			r.geo[at] = event.Float(n)
		}
	}
}

func asNumber(r *record, text string, n float64) {
	if text != "" {
		v, err := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32)
		if err != nil {
			return
		}
		n = float64(v)
	}
	if n >= 1 && n <= math.MaxUint32 {
		r.network[networkNumber] = event.Int(int64(n))
	}
}

func asName(r *record, text string, _ float64) {
	if isPlain(text) {
		r.network[networkName] = event.String(text)
	}
}

func isPlain(text string) bool {
	return text != "" && len(text) <= maxGeoText && utf8.ValidString(text)
}

// finish derives what follows from the rest.
func (r *record) finish() {
	if code := r.geo[geoCountry].Text(); len(code) != 2 {
		r.geo[geoCountry] = event.Value{}
	} else if r.geo[geoCountryName].Kind() == event.KindNone {
		if region, err := language.ParseRegion(code); err == nil && region.IsCountry() {
			r.geo[geoCountryName] = event.String(display.English.Regions().Name(region))
		}
	}
	for _, v := range r.geo {
		r.hasGeo = r.hasGeo || v.Kind() != event.KindNone
	}
	r.hasNetwork = r.network[networkNumber].Kind() != event.KindNone
}

// maxDepth bounds how deep records are looked into.
const maxDepth = 4

// newRecord reads a decoded record.
func newRecord(decoded map[string]any) *record {
	r := new(record)
	r.read(decoded, "", 0)
	r.finish()
	return r
}

func (r *record) read(v any, path string, depth int) {
	set := recordPaths[path]
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if depth < maxDepth {
				r.read(inner, strings.TrimPrefix(path+"."+name, "."), depth+1)
			}
		}
	case []any:
		if len(v) > 0 && depth < maxDepth { // of subdivisions the first is the largest
			r.read(v[0], path, depth+1)
		}
	case string:
		if set != nil && v != "" {
			set(r, v, 0)
		}
	case float64:
		if set != nil {
			set(r, "", v)
		}
	case uint64:
		if set != nil {
			set(r, "", float64(v))
		}
	}
}
