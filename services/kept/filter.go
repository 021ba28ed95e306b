package kept

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/config"
)

// ErrFilter means that a filter names what copies are not found by.
var ErrFilter = errors.New("copies of requests have no such field")

// fields are the names of what a copy is found by: the rest of it is sealed.
var fields = func() []string {
	all := []string{"event.id", "event.ingested", "gatewatch.source", "gatewatch.stream"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[wire]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "request" && name != Sealed.String() {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}()

// CheckFields returns an [ErrFilter] that names the first field that no copy has,
// and the one that may be meant.
func CheckFields(named []event.Key) error {
	for _, k := range named {
		name := k.String()
		if slices.Contains(fields, name) {
			continue
		}
		hint := ""
		if near := config.Nearest(name, fields); near != "" {
			hint = "did you mean " + near + "? "
		}
		return fmt.Errorf("%w: %.80q; %sthey are found by %s", ErrFilter, name, hint, strings.Join(fields, ", "))
	}
	return nil
}
