package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

const adminID = "11111111-1111-4111-8111-111111111111"

func texts(errs []*sigma.Error) (list []string) {
	for _, e := range errs {
		list = append(list, e.Error())
	}
	return list
}

func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/overlay.yml"
	write(t, dir+"/rules/admin.yml", admin)
	write(t, dir+"/rules/burst.yml", strings.Replace(burst, "gte: 3", "gte: 1", 1))
	write(t, dir+"/rules/other.yml", strings.NewReplacer("/admin", "/other", "1111", "3333", "Admin page", "Other page").Replace(admin))
	f := func(overlay string, rejected, warnings []string, want ...string) {
		t.Helper()
		write(t, path, overlay)
		w := newWorld(t, Config{Dirs: []string{dir + "/rules"}, Overlay: path}, nil)
		s, err := w.keeper.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rejected, texts(s.Rejected)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(warnings, texts(s.Warnings)); diff != "" {
			t.Error(diff)
		}
		w.send("/admin", "/other")
		w.run()
		w.want(findings+" | sort rule.name", event.EventSeverity, want...)
	}
	f("", nil, nil, "70", "90", "70")
	f("# nothing\n", nil, nil, "70", "90", "70")
	f("disable: [Other page, nobody]", nil, []string{path + `:1:23: no rule is called "nobody"`}, "70", "90")
	f("level: {"+adminID+": low}", nil, nil, "30", "90", "70")
	f("silence: [Admin page]", nil, nil, "90", "70")
	f("silence: ["+adminID+"]\nlevel: {Admin page: low}", nil,
		[]string{path + `:2:9: level is for nothing: rule "Admin page" gives no findings of its own`}, "90", "70")
	f("disable: ["+adminID+"]", []string{
		dir + `/rules/burst.yml:6:11: rule "` + adminID + `" is disabled by the overlay (` + path + `:1:11); silence it there to take off its findings alone`,
	}, nil, "70")
	f("filters:\n- title: F\n  logsource: {category: webserver}\n  filter: {rules: [gone], s: {A: 1}, condition: not s}\n",
		[]string{path + `:4:20: rule "gone" of the filter is not among the rules`}, nil, "70", "90", "70")
	f("filters:\n- title: F\n  logsource: {category: webserver}\n  filter: {rules: any, s: {A|foo: 1}, condition: not s}\n",
		[]string{path + `:4:28: unknown modifier "foo"`}, nil, "70", "90", "70")
}

func TestOverlayMistakes(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := ReadOverlay("o.yml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	f("disabled: [a]\n", `o.yml:1:1: unknown member "disabled" of an overlay; known are disable, silence, level, filters`)
	f("disable: a\n", "o.yml:1:10: disable must be a list")
	f("silence:\n- {a: b}\n", "o.yml:2:3: silence must be a list of ids, names or titles of rules")
	f("level: {a: grave}\n", `o.yml:1:12: level of "a" must be informational, low, medium, high or critical, not "grave"`)
	f("level: [a]\n", "o.yml:1:8: level must be a mapping")
	f("level: {a: low, a: high}\n", `o.yml:1:17: level has "a" twice`)
	f("filters: {}\n", "o.yml:1:10: filters must be a list")
	f("- a\n", "o.yml:1:1: overlay must be a mapping")
	f("disable: [a]\n---\nlevel: {}\n", "o.yml:2:1: file has more than one document")
	f("disable: [a\n", `o.yml:1:1: read yaml: did not find expected ',' or ']'`)
	f("? [a]\n: b\n", "o.yml:1:3: overlay has a key that is no text")
	f(strings.Repeat("#", sigma.MaxFile+1), "o.yml:0:0: file is larger than 4194304 bytes")
	f("filters: ["+strings.Repeat("{},", maxFilters+1)+"]", "o.yml:1:10: overlay has more than 1000 filters")
}

// FuzzOverlay: no text makes the reader of overlays fail otherwise than by an error
// with a place.
func FuzzOverlay(f *testing.F) {
	f.Add("disable: [a]\nsilence: [b]\nlevel: {c: low}\n")
	f.Add("filters:\n- title: F\n  logsource: {category: c}\n  filter: {rules: any, s: {A: 1}, condition: not s}\n")
	f.Add("a: &a [*a]\ndisable: *a\nlevel: {<<: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ReadOverlay("o.yml", []byte(text))
		if err != nil {
			var at *sigma.Error
			if !errors.As(err, &at) {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		set := new(sigma.Set)
		set.Add(sigma.Parse("a.yml", []byte(admin)))
		Sources{Set: set, Overlay: o, Unique: true}.Build(sigma.Options{})
	})
}

// TestHushed: a correlation of another author that silences a rule says so.
func TestHushed(t *testing.T) {
	dir := t.TempDir()
	quiet := strings.Replace(burst, "  generate: true\n", "", 1)
	f := func(one, two string, want ...string) {
		t.Helper()
		write(t, dir+"/a.yml", one)
		write(t, dir+"/b.yml", two)
		w := newWorld(t, Config{Dirs: []string{dir}}, nil)
		s, err := w.keeper.Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, texts(s.Warnings)); diff != "" {
			t.Error(diff)
		}
	}
	f(admin, burst)
	f(admin, quiet, dir+`/b.yml:6:11: rule "`+adminID+`" (`+dir+`/a.yml) gives no findings of its own any more, because this correlation refers to it without generate: true`)
	f(admin+"x-building-block: true\n", quiet)
	f(admin+"---\n"+quiet, "")
	f(strings.Replace(admin, "level: high\n", "", 1), quiet)
}
