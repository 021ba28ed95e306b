package bundle

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var expiry = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// sample has something of everything.
func sample() *Bundle {
	return &Bundle{
		Version: Version, CRS: "4.25.0",
		Setup: []Variable{{"allowed_methods", "GET HEAD POST OPTIONS PUT"}, {"allowed_request_content_type", "|application/json| |text/plain|"}},
		Sites: []Site{{Name: "*", Paranoia: 1}, {Name: "shop", Mode: "block", InboundThreshold: 7}},
		Exclusions: []Exclusion{
			{
				ID: "search", Site: "shop", Path: "/search", Owner: "ann", Reason: "search terms look like SQL <b>", Expires: expiry,
				Directive: `SecRule REQUEST_FILENAME "@streq /search" "id:9900000,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:q"`,
			},
			{
				ID: "cookie", Owner: "bob", Reason: "a cookie of the shop holds JSON",
				Directive: "SecRuleUpdateTargetById 942000-942999 \"!REQUEST_COOKIES:/^cart_/\"\nSecRuleRemoveById 942432",
			},
		},
	}
}

func encode(t testing.TB, b *Bundle) []byte {
	t.Helper()
	text, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOneText(t *testing.T) {
	text := encode(t, sample())
	b, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), b); diff != "" {
		t.Error(diff)
	}
	if got := encode(t, b); string(got) != string(text) {
		t.Errorf("text %s became %s", text, got)
	}
	f := func(name, text string) {
		t.Helper()
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("white space", " "+string(text))
	f("nothing", "")
	f("two", string(text)+string(text))
	f("unknown key", strings.Replace(string(text), `"crs"`, `"CRS2"`, 1))
	f("key twice", strings.Replace(string(text), `"crs":"4.25.0"`, `"crs":"4.25.0","crs":"4.25.0"`, 1))
	f("other case", strings.Replace(string(text), `"crs"`, `"CRS"`, 1))
	f("escaped", strings.Replace(string(text), `<b>`, `\u003cb>`, 1))
	f("too large", `{"version":1,"crs":"4.25.0","x":"`+strings.Repeat("x", MaxBytes)+`"}`)
	f("deep", strings.Repeat("[", 20000))
}

func TestFor(t *testing.T) {
	b := sample()
	f := func(site string, at time.Time, before, after string) {
		t.Helper()
		got, err := b.For(site, at)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Directives{before, after}, got); diff != "" {
			t.Error(diff)
		}
	}
	setup := `SecAction "id:9989000,phase:1,pass,t:none,nolog,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT'"` + "\n" +
		`SecAction "id:9989001,phase:1,pass,t:none,nolog,setvar:'tx.allowed_request_content_type=|application/json| |text/plain|'"` + "\n"
	search := `SecRule REQUEST_FILENAME "@streq /search" "id:9900000,phase:1,pass,nolog,ctl:'ruleRemoveTargetById=942100;ARGS:q'"` + "\n"
	after := "SecRuleUpdateTargetById 942000-942999 \"!REQUEST_COOKIES:/^cart_/\"\nSecRuleRemoveById 942432\n"
	f("shop", expiry.Add(-time.Second), setup+search, after)
	f("shop", expiry, setup, after)
	f("blog", expiry.Add(-time.Second), setup, after)
	if got := b.NextExpiry(expiry.Add(-time.Hour)); !got.Equal(expiry) {
		t.Errorf("next expiry %v", got)
	}
	if got := b.NextExpiry(expiry); !got.IsZero() {
		t.Errorf("next expiry %v", got)
	}
	if got, want := b.Site("shop"), (Site{Name: "shop", Mode: "block", Paranoia: 1, InboundThreshold: 7}); got != want {
		t.Errorf("site %v", got)
	}
}

// TestAllowed holds what may stand in a directive, by what is written of it.
func TestAllowed(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		s, err := parseSection(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			return
		}
		if got := s.before + s.after; got != want+"\n" {
			t.Errorf("%s\nis written %s", in, got)
		}
	}
	f(`SecAction "id:9900000,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=942100"`,
		`SecAction "id:9900000,phase:1,pass,nolog,t:none,ctl:'ruleRemoveById=942100'"`)
	f("# why\nSecRule REQUEST_FILENAME \"@rx ^/a/[0-9]+$\" \\\n   \"id:9900000,\\\n    phase:2,\\\n    pass,\\\n    nolog,\\\n    ctl:ruleRemoveByTag=attack-sqli\"",
		`SecRule REQUEST_FILENAME "@rx ^/a/[0-9]+$" "id:9900000,phase:2,pass,nolog,ctl:'ruleRemoveByTag=attack-sqli'"`)
	f("SecRule REQUEST_URI \"@beginsWith /a\" \"id:9900001,phase:1,pass,nolog,chain\"\nSecRule REQUEST_METHOD \"@streq POST\" \"ctl:ruleRemoveTargetByTag=OWASP_CRS;ARGS:pwd\"",
		"SecRule REQUEST_URI \"@beginsWith /a\" \"id:9900001,phase:1,pass,nolog,chain\"\nSecRule REQUEST_METHOD \"@streq POST\" \"ctl:'ruleRemoveTargetByTag=OWASP_CRS;ARGS:pwd'\"")
	f(`secrule REQUEST_FILENAME "@streq /x" "id:9900000,phase:1,pass,nolog,setvar:'tx.allowed_request_content_type=|text/plain|',ctl:requestBodyProcessor=JSON"`,
		`SecRule REQUEST_FILENAME "@streq /x" "id:9900000,phase:1,pass,nolog,setvar:'tx.allowed_request_content_type=|text/plain|',ctl:'requestBodyProcessor=JSON'"`)
	f(`SecRule ARGS|!ARGS:x|XML:/* "@rx \"a\b" "id:9900000,phase:2,block,log,msg:'M, m',severity:CRITICAL,setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"`,
		`SecRule ARGS|!ARGS:x|XML:/* "@rx \"a\b" "id:9900000,phase:2,block,log,msg:'M, m',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"`)
	f(`SecRuleUpdateTargetByTag attack-xss "!ARGS:html,!ARGS:body"`, `SecRuleUpdateTargetByTag attack-xss "!ARGS:html|!ARGS:body"`)
}

func TestRefused(t *testing.T) {
	f := func(in string) {
		t.Helper()
		if s, err := parseSection(in); err == nil {
			t.Errorf("%s\nis taken as %s", in, s.before+s.after)
		}
	}
	for _, d := range []string{
		"", "#", `SecRuleEngine Off`, `Include /etc/passwd`, `SecAuditLog /tmp/x`, `SecDebugLog /tmp/x`, `SecRuleScript x.lua`, "SecMarker X",
		`SecDefaultAction "phase:1,pass"`, `SecDataset x`, `SecRuleUpdateActionById 942100 "pass"`, `SecRuleRemoveByMsg "x"`,
		"SecDataset x `", "SecRuleRemoveById 942100 \\", "SecRuleRemoveById 942100\rSecRuleEngine Off", "SecRuleRemoveById 942100\x00",
		`SecRuleRemoveById 949110`, `SecRuleRemoveById 910000-979999`, `SecRuleRemoveById 959100`, `SecRuleRemoveById 901340`,
		`SecRuleRemoveById 980130`, `SecRuleRemoveById 200002`, `SecRuleRemoveById 9990011`, `SecRuleRemoveById 0-9999999`, `SecRuleRemoveById`,
		`SecRuleRemoveById 942100-942000`, `SecRuleRemoveById +942100`, `SecRuleRemoveById 942100;x`,
		`SecRuleRemoveByTag OWASP_CRS`, `SecRuleRemoveByTag anomaly-evaluation`, `SecRuleRemoveByTag attack-sqli x`, `SecRuleRemoveByTag .*`,
		`SecRuleUpdateTargetById 942100 "ARGS:x"`, `SecRuleUpdateTargetById 949110 "!TX:0"`, `SecRuleUpdateTargetById 942100 "!TX:blocking_inbound_anomaly_score"`,
		`SecRuleUpdateTargetByTag OWASP_CRS "!ARGS"`, `SecRuleUpdateTargetById "!ARGS:x"`,
		`SecAction "id:9900000,phase:1,pass,ctl:ruleEngine=Off"`, `SecAction "id:9900000,phase:1,allow"`, `SecAction "id:9900000,phase:1,pass,ctl:ruleRemoveById=949110"`,
		`SecAction "id:9900000,phase:1,pass,ctl:ruleRemoveByTag=OWASP_CRS"`, `SecAction "id:9900000,phase:1,pass,ctl:ruleRemoveTargetByTag=OWASP_CRS;ARGS"`,
		`SecAction "id:9900000,phase:1,pass,ctl:ruleRemoveTargetById=942100"`, `SecAction "id:9900000,phase:1,pass,ctl:auditEngine=Off"`,
		`SecAction "id:9900000,phase:1,pass,exec:/bin/sh"`, `SecAction "id:9900000,phase:1,pass,skipAfter:END"`, `SecAction "id:9900000,phase:1,pass,setvar:tx.inbound_anomaly_score_pl1=-5"`,
		`SecAction "id:9900000,phase:1,pass,setvar:tx.inbound_anomaly_score_threshold=9999"`, `SecAction "id:9900000,phase:1,pass,setvar:tx.sampling_percentage=0"`,
		`SecAction "id:9900000,phase:1,pass,setvar:tx.critical_anomaly_score=+0"`, `SecAction "id:9900000,phase:1,pass,setvar:!tx.inbound_anomaly_score_pl1"`,
		`SecAction "id:9900000,phase:1,pass,setvar:'tx.allowed_methods=%{args.x}'"`, `SecAction "id:1,phase:1,pass"`, `SecAction "id:9990004,phase:1,pass"`,
		`SecAction "id:9900000,phase:3,pass"`, `SecAction "id:9900000,phase:1"`, `SecAction "phase:1,pass"`, `SecAction "id:9900000,id:9900001,phase:1,pass"`,
		`SecAction "id:9900000,phase:1,pass,msg:'x`, `SecAction "id:9900000,phase:1,pass,chain"`,
		`SecRule FILES_TMPNAMES "@inspectFile /x" "id:9900000,phase:2,pass"`, `SecRule ARGS "@pmFromFile /etc/passwd" "id:9900000,phase:2,pass"`, `SecRule ARGS "@rx (" "id:9900000,phase:2,pass"`,
		`SecRule ARGS "@rbl x" "id:9900000,phase:2,pass"`, `SecRule ENV:PATH "@rx ." "id:9900000,phase:2,pass"`, `SecRule TX:blocking_paranoia_level "@eq 1" "id:9900000,phase:2,pass"`,
		`SecRule REQUEST_URI "@rx %{tx.0}" "id:9900000,phase:2,pass"`, `SecRule REQUEST_URI "@rx a\\" "id:9900000,phase:1,pass"`, `SecRule REQUEST_URI "/x" "id:9900000,phase:1,pass"`,
		"SecRule REQUEST_URI \"@streq /\" \"id:9900000,phase:1,pass,chain\"", "SecRule REQUEST_URI \"@streq /\" \"id:9900000,phase:1,pass,chain\"\nSecRuleRemoveById 942100",
		"SecRule REQUEST_URI \"@streq /\" \"id:9900000,phase:1,pass,chain\"\nSecRule ARGS \"@rx x\" \"id:9900001,phase:1\"",
	} {
		f(d)
	}
}

func TestInvalid(t *testing.T) {
	f := func(want string, change func(*Bundle)) {
		t.Helper()
		b := sample()
		change(b)
		if _, err := b.Encode(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	f("version", func(b *Bundle) { b.Version = 2 })
	f("crs", func(b *Bundle) { b.CRS = "../4" })
	f("setup[0].name", func(b *Bundle) { b.Setup[0].Name = "blocking_paranoia_level" })
	f("setup[0].value", func(b *Bundle) { b.Setup[0].Value = "a'\"" })
	f("setup[1].name", func(b *Bundle) { b.Setup[1].Name = b.Setup[0].Name })
	f("sites[1].name", func(b *Bundle) { b.Sites[1].Name = "*" })
	f("sites[1].mode", func(b *Bundle) { b.Sites[1].Mode = "off" })
	f("sites[0].paranoia", func(b *Bundle) { b.Sites[0].Paranoia = 5 })
	f("sites[0].detection_paranoia", func(b *Bundle) { b.Sites[0] = Site{Name: "*", Paranoia: 3, DetectionParanoia: 2} })
	f("sites[0].inbound_threshold", func(b *Bundle) { b.Sites[0].InboundThreshold = -1 })
	f("exclusions[0].owner", func(b *Bundle) { b.Exclusions[0].Owner = " " })
	f("exclusions[0].reason", func(b *Bundle) { b.Exclusions[0].Reason = "a\x1b[0m" })
	f("exclusions[0].expires", func(b *Bundle) { b.Exclusions[0].Expires = expiry.Add(1) })
	f("exclusions[0].directive", func(b *Bundle) { b.Exclusions[0].Directive = "SecRuleRemoveById 942100" }) // everywhere, though it has a path
	f("exclusions[0].directive", func(b *Bundle) {
		b.Exclusions[0].Directive = `SecRule REQUEST_FILENAME "!@streq /x" "id:9900000,phase:1,pass,ctl:ruleRemoveById=942100"`
	})
	f("exclusions[1].id", func(b *Bundle) { b.Exclusions[1].ID = b.Exclusions[0].ID })
	f("rule id 9900000 is there twice", func(b *Bundle) { b.Exclusions[1].Directive = b.Exclusions[0].Directive })
	f("bytes", func(b *Bundle) {
		for i := range b.Exclusions {
			b.Exclusions[i].Reason = strings.Repeat("x", maxText)
		}
		for i := range 200 {
			x := b.Exclusions[1]
			x.ID = strings.Repeat("y", i+1)
			b.Exclusions = append(b.Exclusions, x)
		}
	})
}

func TestOfferIsSigned(t *testing.T) {
	dir := t.TempDir()
	key, made, err := OpenKey(dir)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	again, made, err := OpenKey(dir)
	if err != nil || made || !key.Equal(again) {
		t.Fatalf("key was not kept: %v", err)
	}
	public, err := ParsePublic(FormatPublic(key.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	sum := Sum(encode(t, sample()))
	good := Offer{Node: "n1", Serial: 7, Stable: sum, Candidate: sum, Stage: StageCanary, Share: 10}
	good.Sign(key)
	if err := good.Verify([]ed25519.PublicKey{public}); err != nil {
		t.Fatal(err)
	}
	f := func(want error, change func(*Offer)) {
		t.Helper()
		o := good
		change(&o)
		if err := o.Verify([]ed25519.PublicKey{public}); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", o, err, want)
		}
	}
	f(ErrSignature, func(o *Offer) { o.Node = "n2" })
	f(ErrSignature, func(o *Offer) { o.Serial++ })
	f(ErrSignature, func(o *Offer) { o.Stable = "" })
	f(ErrSignature, func(o *Offer) { o.Share++ })
	f(ErrSignature, func(o *Offer) { o.Stage, o.Share = StageShadow, 0 })
	f(ErrSignature, func(o *Offer) { o.Signature = nil })
	f(ErrOffer, func(o *Offer) { o.Node = "n1\n7" })
	f(ErrOffer, func(o *Offer) { o.Share = 0 })
	f(ErrOffer, func(o *Offer) { o.Stage = StageAll })
	f(ErrOffer, func(o *Offer) { o.Candidate = "" })
	f(ErrOffer, func(o *Offer) { o.Stable = "../x" })
	if err := good.Verify(nil); !errors.Is(err, ErrSignature) {
		t.Errorf("without a trusted key: %v", err)
	}
	path := filepath.Join(dir, KeyFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

func TestJumped(t *testing.T) {
	f := func(base, trial Counts, want string) {
		t.Helper()
		j, ok := Jumped(base, trial)
		if got := j.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%v, %v: %v %s, want %q", base, trial, ok, got, want)
		}
	}
	f(Counts{1000, 20, 0}, Counts{100, 30, 0}, "block rate rose from 2.0 % to 30.0 % of 100 requests")
	f(Counts{1000, 0, 10}, Counts{200, 0, 40}, "error rate rose from 1.0 % to 20.0 % of 200 requests")
	f(Counts{1000, 20, 0}, Counts{49, 49, 0}, "")       // too few
	f(Counts{10, 0, 0}, Counts{1000, 900, 0}, "")       // nothing to compare with
	f(Counts{1000, 0, 0}, Counts{1000, 9, 0}, "")       // too few events
	f(Counts{100000, 0, 0}, Counts{100000, 900, 0}, "") // too small a rise
	f(Counts{1000, 500, 0}, Counts{1000, 600, 0}, "")   // an attack is going on
	f(Counts{1000, 300, 0}, Counts{1000, 20, 0}, "")    // fell
	f(Counts{60, 3, 0}, Counts{60, 12, 0}, "")          // may be chance
}

// FuzzParse holds that what is taken has one text, and that the directives made of
// it are taken again and say the same: no other reader can find something else in
// them.
func FuzzParse(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Add([]byte(`{"version":1,"crs":"4.25.0"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Parse(text)
		if err != nil {
			return
		}
		if got := encode(t, b); string(got) != string(text) {
			t.Fatalf("text %q became %q", text, got)
		}
		for _, site := range b.Sites {
			if _, err := b.For(site.Name, expiry); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzDirective is FuzzParse for one directive.
func FuzzDirective(f *testing.F) {
	for _, x := range sample().Exclusions {
		f.Add(x.Directive)
	}
	f.Add("SecRule ARGS|!ARGS:x \"!@rx \\\"a\" \"id:9900000,phase:2,block,msg:'a, b',t:none,chain\"\nSecRule MATCHED_VARS \"@pm a b\" \"setvar:tx.xss_score=+5\"")
	f.Add(`SecAction "id:9900000,phase:1,pass,setvar:'tx.allowed_methods=GET POST'"`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSection(text)
		if err != nil {
			return
		}
		again, err := parseSection(s.before + s.after)
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, s.before+s.after, err)
		}
		if again.before != s.before || again.after != s.after {
			t.Fatalf("%q is written %q, then %q", text, s.before+s.after, again.before+again.after)
		}
	})
}
