package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
)

// place is where the demonstration says that some addresses of the documentation
// ranges are. Nobody is there: the ranges belong to no one.
type place struct{ prefix, country, city string }

var places = []place{
	// People, and the shop itself.
	{"192.0.2.0/24", "CN", "Hangzhou"},
	{"198.51.100.0/24", "CN", "Nanjing"},
	{"198.51.100.16/28", "CN", "Beijing"},
	{"198.51.100.64/26", "CN", "Guangzhou"},
	{"198.51.100.128/26", "CN", "Chengdu"},
	{"198.51.100.192/26", "SG", "Singapore"},
	{"2001:db8::/36", "CN", "Wuhan"},
	// Those who attack.
	{"203.0.113.0/28", "DE", "Frankfurt am Main"},
	{"203.0.113.16/28", "US", "Los Angeles"},
	{"203.0.113.32/28", "BR", "São Paulo"},
	{"203.0.113.48/28", "ZA", "Johannesburg"},
	{"203.0.113.64/28", "NL", "Amsterdam"},
	{"203.0.113.80/28", "AU", "Sydney"},
	{"203.0.113.96/28", "GB", "London"},
	{"2001:db8:bad::/48", "US", "Ashburn"},
	{"2001:db8:ba00::/40", "IN", "Mumbai"},
}

// madeUp is what every event says whose place is one of the table.
const madeUp = "made up for the demonstration"

// layoutText says on the wall screens what their traffic is, in both languages, and
// where the shop stands.
const layoutText = `# Written by the demonstration at each start.
title: 演示数据，地点虚构 · Demonstration, made-up places
home: {name: 上海 Shanghai, lon: 121.5, lat: 31.2}
`

// writePlaces writes the table of places and the layout of the wall screens into a
// folder, and returns the arguments with which a server reads them.
func writePlaces(dir string) ([]string, error) {
	table, layout := filepath.Join(dir, "places.csv"), filepath.Join(dir, "screens.yaml")
	text, err := placesTable()
	if err != nil {
		return nil, fmt.Errorf("write table of places: %w", err)
	}
	if err := os.WriteFile(table, text, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(layout, []byte(layoutText), 0o600); err != nil {
		return nil, err
	}
	return []string{"--enrich.assets=" + table, "--screens.layout=" + layout}, nil
}

// placesTable is the places as a table of assets.
func placesTable() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"client.ip", "source.ip", "client.geo.country_iso_code", "client.geo.city_name", "source.geo.country_iso_code", "source.geo.city_name", "labels.place"}}
	for _, p := range places {
		rows = append(rows, []string{p.prefix, "", p.country, p.city, "", "", madeUp}, []string{"", p.prefix, "", "", p.country, p.city, madeUp})
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}
