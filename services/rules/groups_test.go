package rules

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestGroups looks at the groups of a correlation while events come.
func TestGroups(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/admin.yml", admin)
	write(t, dir+"/burst.yml", burst)
	w := newWorld(t, Config{Dirs: []string{dir}}, nil)
	const id = "22222222-2222-4222-8222-222222222222"
	if _, err := w.keeper.Groups(id, 0, 10); !errors.Is(err, ErrNoDetection) {
		t.Errorf("before there are rules: %v", err)
	}
	w.refresh()
	d, err := w.keeper.Detector(w.keeper.Current())
	if err != nil {
		t.Fatal(err)
	}
	const clients = 450
	var looking sync.WaitGroup
	looking.Go(func() {
		for range 200 {
			if _, err := w.keeper.Groups(id, 0, MaxGroupPage); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 2 * clients {
		e := new(event.Event)
		e.Time = noon.Add(time.Duration(i) * time.Millisecond).UnixNano()
		e.Received, e.Dataset = e.Time, "nginx.access"
		e.AddText(event.URLPath, "/admin")
		e.AddText(event.SourceIP, fmt.Sprint("client ", i%clients))
		d.Detect(nil, e)
	}
	looking.Wait()

	seen, pages := map[string]bool{}, 0
	for skip := 0; ; pages++ {
		page, err := w.keeper.Groups(id, skip, 1000)
		if err != nil || page.Held != clients {
			t.Fatalf("%d groups, %v", page.Held, err)
		}
		for _, g := range page.Groups {
			seen[g.Members[0].Value] = true
		}
		if skip = page.Next; skip == 0 {
			break
		}
	}
	if len(seen) != clients || pages != 2 {
		t.Errorf("%d groups on %d pages", len(seen), pages+1)
	}
	page, err := w.keeper.Groups(id, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := noon.Add((2*clients - 1) * time.Millisecond)
	want := []Group{{
		Members: page.Groups[0].Members, Value: 2, Events: 2, First: last.Add(-clients * time.Millisecond), Last: last,
	}}
	if diff := cmp.Diff(want, page.Groups); diff != "" || page.Groups[0].Members[0].Value != fmt.Sprint("client ", clients-1) {
		t.Errorf("%+v: %s", page.Groups, diff)
	}
	if _, err := w.keeper.Groups("11111111-1111-4111-8111-111111111111", 0, 1); !errors.Is(err, ErrNoCorrelation) {
		t.Errorf("a rule: %v", err)
	}
}
