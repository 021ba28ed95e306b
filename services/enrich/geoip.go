package enrich

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// openGeo opens an mmdb file. The file must not change while it is in use: it is
// mapped into memory until the garbage collector has taken the reader.
func openGeo(path string) (*maxminddb.Reader, error) {
	r, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open mmdb: %w", err)
	}
	return r, nil
}

// geoLookup asks one mmdb file. It belongs to one goroutine.
type geoLookup struct {
	reader  *maxminddb.Reader
	records cache[uintptr, *record] // by place in the file
}

// of returns what the file says of an address, nil if nothing.
func (db *geoLookup) of(a netip.Addr) (*record, error) {
	if a.Is6() && db.reader.Metadata.IPVersion == 4 {
		return nil, nil //nolint:nilnil // nothing is known
	}
	res := db.reader.Lookup(a)
	if err := res.Err(); err != nil {
		return nil, err
	}
	if !res.Found() {
		return nil, nil //nolint:nilnil // nothing is known
	}
	at := res.Offset()
	if r, ok := db.records.get(at); ok {
		return r, nil
	}
	r, err := decodeRecord(res)
	if err != nil {
		return nil, err
	}
	db.records.put(at, r)
	return r, nil
}

func decodeRecord(res maxminddb.Result) (*record, error) {
	var decoded map[string]any
	if err := res.Decode(&decoded); err != nil {
		return nil, err
	}
	return newRecord(decoded), nil
}

// checkedNetworks is how many networks of a file may say nothing that we know
// before the file is taken for one of another kind.
const checkedNetworks = 10_000

// GeoInfo says what an mmdb file is.
type GeoInfo struct {
	Path        string
	Type        string
	Description string
	Built       time.Time
	Nodes       uint
	Geo         bool // it has countries or places
	Network     bool // it has autonomous systems
}

// CheckGeoIP reads an mmdb file as a whole and says what it is. An error means
// that it is damaged, or has nothing that events are enriched with. The file
// must not change during the call.
func CheckGeoIP(path string) (GeoInfo, error) {
	db, err := openGeo(path)
	if err != nil {
		return GeoInfo{}, err
	}
	defer func() { _ = db.Close() }() // only read
	if err := db.Verify(); err != nil {
		return GeoInfo{}, fmt.Errorf("verify mmdb: %w", err)
	}
	m := &db.Metadata
	info := GeoInfo{
		Path: path, Type: m.DatabaseType, Description: m.Description["en"], Nodes: m.NodeCount,
		Built: time.Unix(int64(min(m.BuildEpoch, 1<<40)), 0).UTC(),
	}
	seen := 0
	for res := range db.Networks() {
		r, err := decodeRecord(res)
		if err != nil {
			return info, fmt.Errorf("verify mmdb: %w", err)
		}
		info.Geo, info.Network = info.Geo || r.hasGeo, info.Network || r.hasNetwork
		if seen++; seen == checkedNetworks || info.Geo && info.Network {
			break
		}
	}
	if !info.Geo && !info.Network {
		return info, errors.New("verify mmdb: it has neither countries, places nor autonomous systems")
	}
	return info, nil
}
