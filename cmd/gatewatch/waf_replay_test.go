package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWAFReplay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const headers = `"headers":[["Host","shop.example"],["User-Agent","Mozilla/5.0"],["Accept","*/*"]]`
	requests := write("requests.ndjson",
		`{"id":"plain","method":"GET","uri":"/a?b=1","proto":"HTTP/1.1",`+headers+"}\n"+
			`{"id":"injected","method":"GET","uri":"/a?q=1%27+OR+%271%27=%271","proto":"HTTP/1.1",`+headers+"}\n")
	exclusion := write("exclusion.conf", `SecRule REQUEST_URI "@beginsWith /a" "id:9900100,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:q"`+"\n")
	f := func(wantCode int, want []string, args ...string) {
		t.Helper()
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"waf", "replay", "-o", "ndjson"}, args...), strings.NewReader(""), &out, &errs)
		if code != wantCode {
			t.Errorf("%v: exit %d, want %d: %s", args, code, wantCode, &errs)
		}
		for _, w := range want {
			if !strings.Contains(out.String()+errs.String(), w) {
				t.Errorf("%v: %q is missing in\n%s%s", args, w, &out, &errs)
			}
		}
	}
	f(0, []string{`"id":"plain","from":"file","change":"unchanged"`, `"id":"injected","from":"file","change":"unchanged"`, "2 unchanged"}, requests)
	f(0, []string{`"id":"injected","from":"file","change":"newly_allowed","before":"block","after":"allow"`, "1 newly allowed, 1 unchanged"}, "--before", exclusion, requests)
	f(1, []string{`"from":"guard","change":"newly_allowed"`, "attacks of the guard set that would pass: 1"}, "--before", exclusion, "--guard", requests)
	f(2, []string{"name files"})
	f(2, []string{"none.conf"}, "--before", filepath.Join(dir, "none.conf"), requests)
}
