package rules

import "testing"

// TestVersion holds that the version of a rule, and with it the ids of its
// findings, changes with all that is for it, and with nothing else.
func TestVersion(t *testing.T) {
	const (
		adminID = "11111111-1111-4111-8111-111111111111"
		burstID = "22222222-2222-4222-8222-222222222222"
		otherID = "33333333-3333-4333-8333-333333333333"
		other   = `title: Other
id: 33333333-3333-4333-8333-333333333333
logsource: {category: mail}
detection: {sel: {subject: x}, condition: sel}
`
	)
	versions := func(files map[string]string) map[string]string {
		t.Helper()
		b := new(bundle)
		for name, text := range map[string]string{"rules/0/admin.yml": admin, "rules/0/burst.yml": burst, "rules/0/other.yml": other} {
			if files[name] == "" {
				b.files = append(b.files, file{name, []byte(text)})
			}
		}
		for name, text := range files {
			b.files = append(b.files, file{name, []byte(text)})
		}
		b.sort()
		s, err := b.compile()
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Rejected) > 0 {
			t.Fatal(s.Rejected[0])
		}
		all := map[string]string{}
		for _, r := range s.rules {
			all[r.ID] = r.Version
		}
		for _, r := range s.correlations {
			all[r.ID] = r.Version
		}
		return all
	}
	plain := versions(nil)
	f := func(name, text string, changed ...string) {
		t.Helper()
		got := versions(map[string]string{name: text})
		want := map[string]bool{}
		for _, id := range changed {
			want[id] = true
		}
		for _, id := range []string{adminID, burstID, otherID} {
			if (got[id] != plain[id]) != want[id] {
				t.Errorf("%s with %q: version of %s is %s, was %s", name, text, id, got[id], plain[id])
			}
		}
	}
	filter := "filters: [{title: Ours, logsource: {category: webserver}, filter: {rules: any, ours: {source.ip: 192.0.2.1}, condition: not ours}}]\n"
	f(overlayName, "")
	f(overlayName, filter, adminID, burstID)
	f(overlayName, "level: {Other: high}", otherID)
	f("pipelines/0.yml", "transformations: [{type: field_name_mapping, mapping: {nothing: else}}]")
	f("pipelines/0.yml", "transformations: [{type: field_name_mapping, mapping: {subject: email.subject}}]", otherID)
	f("pipelines/0.yml", "transformations: [{type: field_name_mapping, mapping: {source.ip: client.ip}}]", burstID)
	f("rules/0/admin.yml", admin+"# remark\n", adminID)
	f("rules/0/admin.yml", admin[:len(admin)-len("  condition: sel\n")]+"  condition: not sel\n", adminID, burstID)
	f("rules/0/burst.yml", burst+"# remark\n", burstID)
	one := versions(map[string]string{overlayName: filter})
	two := versions(map[string]string{overlayName: filter[:len(filter)-len("192.0.2.1}, condition: not ours}}]\n")] + "192.0.2.2}, condition: not ours}}]\n"})
	if one[adminID] == two[adminID] || one[burstID] == two[burstID] {
		t.Error("the version does not change with the value of a filter")
	}
}
