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
	bundle := write("bundle.json", `{"version":1,"crs":"4.25.0","sites":[{"name":"lax","inbound_threshold":100}],"exclusions":[{"id":"a","site":"shop","owner":"ann","reason":"a",`+
		`"directive":"SecRule REQUEST_URI \"@beginsWith /a\" \"id:9900100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=942100;ARGS:q\""}]}`)
	atSites := write("sites.ndjson",
		`{"id":"none","method":"GET","uri":"/a?q=1%27+OR+%271%27=%271","proto":"HTTP/1.1",`+headers+"}\n"+
			`{"id":"lax","site":"lax","method":"GET","uri":"/a?q=1%27+OR+%271%27=%271","proto":"HTTP/1.1",`+headers+"}\n"+
			`{"id":"shop","site":"shop","method":"GET","uri":"/a?q=1%27+OR+%271%27=%271","proto":"HTTP/1.1",`+headers+"}\n")
	f(0, []string{
		`"id":"none","from":"file","change":"unchanged"`, `"id":"lax","from":"file","site":"lax","change":"newly_allowed"`,
		`"id":"shop","from":"file","site":"shop","change":"newly_allowed"`, `"taken_for":"attack"`, "2 newly allowed, 1 unchanged",
	}, "--bundle", bundle, atSites)
	f(2, []string{"--bundle: "}, "--bundle", requests, atSites)
	f(2, []string{"none.json"}, "--bundle", filepath.Join(dir, "none.json"), atSites)
	next := filepath.Join(dir, "next")
	if err := os.Mkdir(next, 0o700); err != nil {
		t.Fatal(err)
	}
	f(2, []string{"--ruleset: ", "there is no rules/*.conf"}, "--ruleset", next, requests)
	write("next/own.conf", `SecRule ARGS:b "@streq 1" "id:1,phase:2,deny,t:none,ver:'OWASP_CRS/4.99.0'"`+"\n")
	f(0, []string{
		`"id":"plain","from":"file","change":"newly_blocked","before":"allow","after":"block"`, `"taken_for":"legit"`,
		`"id":"injected","from":"file","change":"newly_allowed"`, "rules: CRS 4.99.0 from ", "newly blocked: 0 taken for attacks by their verdict, 1 for legitimate",
	}, "--ruleset", next, requests)
	f(2, []string{"name files"})
	f(1, []string{`"change":"failed","before":"allow","after":""`, `"error":"judge request by the rules of before: the rules took too long: more than 1ns"`, "2 failed"}, "--request-time", "1ns", requests)
	f(2, []string{"is negative"}, "--request-time", "-1s", requests)
	f(2, []string{"none.conf"}, "--before", filepath.Join(dir, "none.conf"), requests)
}
