package wall

import "github.com/gatewatch/gatewatch/detection/event"

var (
	clientCountry = event.Intern("client.geo.country_iso_code")
	clientCity    = event.Intern("client.geo.city_name")
)

// origin is the country and the city that an event came from: those of its client.
// Its source is another one behind a proxy, and counts if nobody tells the client.
func origin(e *event.Event) (country, city string) {
	if e.Has(event.ClientIP) {
		return clip(e.Get(clientCountry).Text()), clip(e.Get(clientCity).Text())
	}
	return clip(e.Get(event.SourceCountry).Text()), clip(e.Get(event.SourceCity).Text())
}
