// Package enrichtest makes mmdb files for tests.
package enrichtest

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Record is what an mmdb file says of a network: maps, texts and numbers.
type Record = map[string]any

// Country is a record in the layout of MaxMind and DB-IP.
func Country(code, name string) Record {
	return Record{"country": Record{"iso_code": code, "names": Record{"en": name, "zh-CN": "某国"}}}
}

// MMDB makes a file of a type from the records of prefixes. It panics where that
// cannot be: its callers are tests.
func MMDB(kind string, records map[string]Record) []byte {
	t, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, BuildEpoch: 1_780_000_000, RecordSize: 24,
		Description: map[string]string{"en": "made for a test"}, IncludeReservedNetworks: true,
	})
	if err != nil {
		panic(err)
	}
	for text, r := range records {
		p := netip.MustParsePrefix(text)
		n := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := t.Insert(n, value(r)); err != nil {
			panic(err)
		}
	}
	var b bytes.Buffer
	if _, err := t.WriteTo(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func value(v any) mmdbtype.DataType {
	switch v := v.(type) {
	case Record:
		m := mmdbtype.Map{}
		for name, inner := range v {
			m[mmdbtype.String(name)] = value(inner)
		}
		return m
	case []any:
		var s mmdbtype.Slice
		for _, inner := range v {
			s = append(s, value(inner))
		}
		return s
	case string:
		return mmdbtype.String(v)
	case float64:
		return mmdbtype.Float64(v)
	case int:
		return mmdbtype.Uint32(v)
	}
	panic(fmt.Sprintf("enrichtest: %T", v))
}
