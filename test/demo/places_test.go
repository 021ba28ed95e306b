package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/enrich"
	"github.com/gatewatch/gatewatch/services/wall"
)

// TestPlaces demands that every client of the traffic is somewhere on the map of the
// wall screens, in events that say that this is made up.
func TestPlaces(t *testing.T) {
	args, err := writePlaces(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := func(key string) string {
		for _, a := range args {
			if name, ok := strings.CutPrefix(a, "--"+key+"="); ok {
				return name
			}
		}
		t.Fatalf("no %s among %q", key, args)
		return ""
	}
	enricher, err := enrich.OpenFiles(enrich.Config{Assets: []string{file("enrich.assets")}})
	if err != nil {
		t.Fatal(err)
	}
	cities, err := os.ReadFile(filepath.Join("..", "..", "dashboards", "web", "src", "wall", "map", "cities.ts"))
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]bool{editor: true, injecto: true}
	random := newTraffic("", 1, 1, newLogs(nil))
	for range 3000 {
		for _, s := range random.visit() {
			clients[s.client] = true
		}
	}
	origins := map[string]bool{}
	for client := range clients {
		var e event.Event
		e.AddIP(event.SourceIP, "127.0.0.1") // the demonstration itself, a proxy before the node
		e.AddIP(event.ClientIP, client)
		enricher.Enrich(&e)
		country, city := e.Get(event.Intern("client.geo.country_iso_code")).Text(), e.Get(event.Intern("client.geo.city_name")).Text()
		origins[city] = true
		if !strings.Contains(string(cities), `["`+country+`", "`+city+`"`) {
			t.Errorf("%s is in %q, %q, which the map does not know", client, country, city)
		}
		if got := e.Get(event.Intern("labels.place")).Text(); got != madeUp {
			t.Errorf("%s: place is labelled %q", client, got)
		}
	}
	if len(origins) < 10 {
		t.Errorf("%d clients come from %d places", len(clients), len(origins))
	}

	layout, _, err := wall.Config{Layout: file("screens.layout")}.Load()
	if err != nil {
		t.Fatal(err)
	}
	usual, _, err := wall.Config{}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(layout.Title, "演示") || !strings.Contains(layout.Title, "Demonstration") || layout.Home == nil {
		t.Errorf("layout has title %q and home %v", layout.Title, layout.Home)
	}
	for name := range usual.Screens {
		if len(layout.Screens[name].Middle) == 0 {
			t.Errorf("screen %s is missing", name)
		}
	}
}
