package wall

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUsualLayout(t *testing.T) {
	l, chart, err := Config{}.Load()
	if err != nil || chart != nil {
		t.Fatal(chart, err)
	}
	if l.Screens["attacks"].Middle[1].Panel != "map" || l.Home != nil || l.Map != nil {
		t.Errorf("layout is %+v", l)
	}
	own, err := readLayout([]byte("home: {lon: 0, lat: 0}"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.Screens, own.Screens); diff != "" {
		t.Errorf("screens of a file without any differ (-want +got):\n%s", diff)
	}
}

func TestLayout(t *testing.T) {
	l, err := readLayout([]byte("title: example.cn\nhome: {name: Beijing, lon: 116.4, lat: 39.9}\nsites:\n  shop: {lon: 121.5, lat: 31.2}\n" +
		"screens:\n  lobby: {title: Lobby, middle: [{panel: live, rows: 3}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Layout{
		Title: "example.cn", Home: &Spot{"Beijing", 116.4, 39.9}, Sites: map[string]Spot{"shop": {"", 121.5, 31.2}},
		Screens: map[string]Screen{"lobby": {Title: "Lobby", Middle: []Part{{"live", 3}}}},
	}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("layout differs (-want +got):\n%s", diff)
	}
}

func TestWrongLayouts(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := readLayout([]byte(text))
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("layout %q: %v, want %q", text, err, w)
			}
		}
	}
	one := func(parts string) string { return "screens: {a: {" + parts + "}}" }
	f("screens: {}", "screens: want 1 to 16, have 0")
	f("screen: {}", "unknown key screen; did you mean screens?")
	f(one("left: [{panel: rulez}]"), "screens.a.left: panel \"rulez\": is not known; did you mean rules?")
	f(one("left: [{panel: map}]"), "stands in the middle alone")
	f(one("middle: [{panel: rules}]"), "stands at the sides alone")
	f(one("left: [{panel: rules}], right: [{panel: rules}]"), "stands on this screen twice")
	f(one("left: [{panel: rules, rows: 21}]"), "rows: want 1 to 20, have 21")
	f(one("middle: [{panel: map, rows: 2}]"), "has no rows")
	f(one("left: [{panel: types, rows: 10}, {panel: targets, rows: 10}]"), "pixels high together, and 956 fit")
	f(one(""), "has no panels")
	f("screens: {A/b: {left: [{panel: rules}]}}", "want a name of a-z")
	f("home: {lon: 200, lat: 0}\n"+one("left: [{panel: rules}]"), "home: want lon from -180")
	f("home: {lon: 20}\n"+one("left: [{panel: rules}]"), "home: want lon from -180")
	f("sites: {x: {lon: 0, lat: .nan}}\n"+one("left: [{panel: rules}]"), "sites.x")
	f("title: "+strings.Repeat("x", 81)+"\n"+one("left: [{panel: rules}]"), "title: want at most 80")
}

func TestMap(t *testing.T) {
	f := func(c Config, text, want string) {
		t.Helper()
		if text != "" {
			c.Map = filepath.Join(t.TempDir(), "map.json")
			if err := os.WriteFile(c.Map, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l, chart, err := c.Load()
		if want == "" {
			if err != nil || string(chart) != text || l.Map.Number != c.MapNumber {
				t.Errorf("map %q: %q, %v", text, chart, err)
			}
			return
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("map %q: %v, want %q", text, err, want)
		}
	}
	good := `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]}}]}`
	f(Config{MapNumber: "GS(2024)0650"}, good, "")
	f(Config{}, good, "map_number: want the approval number")
	f(Config{MapNumber: "x"}, "", "there is no map")
	f(Config{MapNumber: "x"}, `{"type":"Topology"}`, "want a FeatureCollection")
	f(Config{MapNumber: "x"}, `{`, "map: ")
	f(Config{MapNumber: "x"}, strings.Replace(good, "Polygon", "Point", 1), `features[0]: want a polygon or a line, have "Point"`)
	f(Config{MapNumber: "x", Map: "nowhere.json"}, "", "map: ")
}
