package wall

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/services/config"
)

// Config are the keys of the screens on a wall.
type Config struct {
	Layout    string `help:"file that says which panels stand where on the wall screens, and where the sites are; empty for the usual ones"`
	Map       string `help:"approved map for the wall screens in GeoJSON, degrees of longitude and latitude; empty for land without borders"`
	MapNumber string `help:"approval number of that map, which stands on it"`
}

// Layout says what stands on which screen, and where on the map the sites are.
type Layout struct {
	Title   string            `json:"title,omitempty"` // whose screens these are, beside the heading
	Home    *Spot             `json:"home,omitempty"`
	Sites   map[string]Spot   `json:"sites,omitempty"`
	Map     *ShownMap         `json:"map,omitempty"`
	Screens map[string]Screen `json:"screens"`
}

// Spot is a place on the map, in degrees.
type Spot struct {
	Name string  `json:"name,omitempty"`
	Lon  float64 `json:"lon"`
	Lat  float64 `json:"lat"`
}

// ShownMap is the approved map.
type ShownMap struct {
	Number string `json:"number"`
}

// Screen is what stands in its three columns, from above.
type Screen struct {
	Title  string `json:"title,omitempty"`
	Left   []Part `json:"left"`
	Middle []Part `json:"middle"`
	Right  []Part `json:"right"`
}

// Part is a panel and how many rows it has, 0 for as many as usual.
type Part struct {
	Panel string `json:"panel"`
	Rows  int    `json:"rows,omitempty"`
}

// panelSize is what the page gives a panel, in pixels of the canvas.
type panelSize struct {
	wide      bool // stands in the middle, else at a side
	head, row int
	rows      int // as usual; 0 if it has none
}

// panels are all that can stand on a screen.
var panels = map[string]panelSize{
	"types": {head: 40, row: 49, rows: 6}, "rules": {head: 40, row: 41, rows: 5}, "targets": {head: 40, row: 49, rows: 5},
	"attackers": {head: 40, row: 44, rows: 5}, "quality": {head: 292}, "nodes": {head: 40, row: 38, rows: 6},
	"failing": {head: 40, row: 49, rows: 5}, "slow": {head: 40, row: 49, rows: 5}, "services": {head: 40, row: 41, rows: 8},
	"flow": {wide: true, head: 112}, "load": {wide: true, head: 178}, "upstreams": {wide: true, head: 74, row: 58, rows: 10},
	"totals": {wide: true, head: 112}, "map": {wide: true, head: 500}, "traffic": {wide: true, head: 178}, "live": {wide: true, head: 40, row: 31, rows: 4},
}

const (
	columnHeight   = 956 // pixels
	maxLayoutBytes = 64 << 10
	maxMapBytes    = 8 << 20
	maxRows        = 20
	maxScreens     = 16
	maxSpots       = 256
	maxName        = 80 // characters
)

//go:embed layout.yaml
var usual []byte

var screenName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// layoutFile is the form of a file: home may be absent.
type layoutFile struct {
	Title   string
	Home    Spot
	Sites   map[string]Spot
	Screens map[string]Screen
}

// Load returns the layout of a configuration and its map, nil without one. The errors
// join all mistakes.
func (c Config) Load() (*Layout, []byte, error) {
	text, err := usual, error(nil)
	if c.Layout != "" {
		if text, err = readBounded(c.Layout, maxLayoutBytes); err != nil {
			return nil, nil, fmt.Errorf("layout: %w", err)
		}
	}
	l, err := readLayout(text)
	if err != nil {
		return nil, nil, fmt.Errorf("layout: %s: %w", c.Layout, err)
	}
	chart, err := c.loadMap()
	if chart != nil {
		l.Map = &ShownMap{Number: c.MapNumber}
	}
	return l, chart, err
}

func (c Config) loadMap() ([]byte, error) {
	switch {
	case c.Map == "" && c.MapNumber != "":
		return nil, errors.New("map_number: there is no map that it stands on")
	case c.Map == "":
		return nil, nil
	case strings.TrimSpace(c.MapNumber) == "":
		return nil, errors.New("map_number: want the approval number of the map, which stands on it")
	case utf8.RuneCountInString(c.MapNumber) > maxName:
		return nil, fmt.Errorf("map_number: want at most %d characters", maxName)
	}
	text, err := readBounded(c.Map, maxMapBytes)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	var m struct {
		Type     string
		Features []struct {
			Geometry *struct{ Type string }
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("map: %s: %w", c.Map, err)
	}
	if m.Type != "FeatureCollection" || len(m.Features) == 0 {
		return nil, fmt.Errorf("map: %s: want a FeatureCollection of GeoJSON with features", c.Map)
	}
	for i, f := range m.Features {
		if f.Geometry != nil && !slices.Contains([]string{"Polygon", "MultiPolygon", "LineString", "MultiLineString"}, f.Geometry.Type) {
			return nil, fmt.Errorf("map: %s: features[%d]: want a polygon or a line, have %q", c.Map, i, f.Geometry.Type)
		}
	}
	return text, nil
}

func readBounded(file string, most int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s: want at most %d bytes, have %d", file, most, info.Size())
	}
	return os.ReadFile(file)
}

func readLayout(text []byte) (*Layout, error) {
	f := layoutFile{Home: Spot{Lon: math.NaN(), Lat: math.NaN()}}
	if err := config.LoadYAML(&f, text); err != nil {
		return nil, err
	}
	if f.Screens == nil {
		var own layoutFile
		if err := config.LoadYAML(&own, usual); err != nil {
			return nil, err
		}
		f.Screens = own.Screens
	}
	l := &Layout{Title: f.Title, Sites: f.Sites, Screens: f.Screens}
	if !math.IsNaN(f.Home.Lon) || !math.IsNaN(f.Home.Lat) || f.Home.Name != "" {
		l.Home = &f.Home
	}
	return l, l.validate()
}

// validate joins all that is wrong, in an order that only the file decides.
func (l *Layout) validate() error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	name := func(key, text string) {
		if utf8.RuneCountInString(text) > maxName {
			wrong("%s: want at most %d characters", key, maxName)
		}
	}
	spot := func(key string, s Spot) {
		name(key+".name", s.Name)
		if !(math.Abs(s.Lon) <= 180 && math.Abs(s.Lat) <= 80) {
			wrong("%s: want lon from -180 to 180 and lat from -80 to 80", key)
		}
	}
	name("title", l.Title)
	if l.Home != nil {
		spot("home", *l.Home)
	}
	if len(l.Sites) > maxSpots {
		wrong("sites: want at most %d", maxSpots)
	}
	for _, site := range slices.Sorted(maps.Keys(l.Sites)) {
		spot("sites."+site, l.Sites[site])
	}
	if n := len(l.Screens); n == 0 || n > maxScreens {
		wrong("screens: want 1 to %d, have %d", maxScreens, n)
	}
	for _, of := range slices.Sorted(maps.Keys(l.Screens)) {
		if !screenName.MatchString(of) {
			wrong("screens.%s: want a name of a-z, 0-9 and -, at most 32 characters", of)
		}
		s := l.Screens[of]
		name("screens."+of+".title", s.Title)
		all = append(all, s.validate("screens."+of))
	}
	return errors.Join(all...)
}

func (s Screen) validate(key string) error {
	var all []error
	seen := map[string]bool{}
	for _, c := range []struct {
		name  string
		parts []Part
	}{{"left", s.Left}, {"middle", s.Middle}, {"right", s.Right}} {
		height := 0
		for _, p := range c.parts {
			size, err := p.size(c.name == "middle")
			if err == nil && seen[p.Panel] {
				err = errors.New("stands on this screen twice")
			}
			if err != nil {
				all = append(all, fmt.Errorf("%s.%s: panel %q: %w", key, c.name, p.Panel, err))
			}
			seen[p.Panel] = true
			height += size
		}
		if height > columnHeight {
			all = append(all, fmt.Errorf("%s.%s: its panels are %d pixels high together, and %d fit: take a panel or rows out", key, c.name, height, columnHeight))
		}
	}
	if len(seen) == 0 {
		all = append(all, fmt.Errorf("%s: has no panels", key))
	}
	return errors.Join(all...)
}

// size returns the height of a panel.
func (p Part) size(wide bool) (int, error) {
	of, ok := panels[p.Panel]
	switch {
	case !ok:
		known := slices.Sorted(maps.Keys(panels))
		if best := config.Nearest(p.Panel, known); best != "" {
			return 0, fmt.Errorf("is not known; did you mean %s?", best)
		}
		return 0, fmt.Errorf("is not known; known are %s", strings.Join(known, ", "))
	case of.wide && !wide:
		return 0, errors.New("stands in the middle alone")
	case !of.wide && wide:
		return 0, errors.New("stands at the sides alone")
	case of.row == 0 && p.Rows != 0:
		return 0, errors.New("has no rows")
	case p.Rows < 0 || p.Rows > maxRows:
		return 0, fmt.Errorf("rows: want 1 to %d, have %d", maxRows, p.Rows)
	case p.Rows == 0:
		return of.head + of.row*of.rows, nil
	}
	return of.head + of.row*p.Rows, nil
}
