package waf

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

const (
	formType      = "application/x-www-form-urlencoded"
	jsonType      = "application/json"
	xmlType       = "text/xml"
	multipartType = "multipart/form-data; boundary=B"
)

// sentSecrets are requests that hold the secret hunter2: a target, the name and
// the value of a header, a content type and a body.
func sentSecrets() (all [][5]string) {
	body := func(contentType string, bodies ...string) {
		for _, b := range bodies {
			all = append(all, [5]string{"/", "X-A", "", contentType, b})
		}
	}
	header := func(name string, values ...string) {
		for _, v := range values {
			all = append(all, [5]string{"/", name, v, "", ""})
		}
	}
	target := func(targets ...string) {
		for _, v := range targets {
			all = append(all, [5]string{v, "X-A", "", "", ""})
		}
	}
	body(xmlType, `<wsse:Password>hunter2</wsse:Password>`, `<wsse:Password Type="a>b">hunter2</wsse:Password>`,
		`<Password><![CDATA[hunter2]]></Password>`, `<Password><![CDATA[a</Password>hunter2]]></Password>`, `<password><v>a</v>hunter2</password>`,
		`<u password="hunter2"/>`, `<u a:password = 'hunter2'/>`, `<password value="hunter2"/>`, `<param name="password" value="hunter2"/>`,
		`<param value="hunter2" name="password"/>`, `<entry key='pin'>hunter2</entry>`, `<key>password</key><string>hunter2</string>`,
		`<member><name>password</name><value><string>hunter2</string></value></member>`, "<password\n>\nhunter2", `<input name=password value=hunter2>`,
		`<d><![CDATA[<password>hunter2</password>]]></d>`, `<d>&lt;password&gt;hunter2&lt;/password&gt;</d>`, `<password><password>a</password>hunter2</password>`,
		`<密码>hunter2</密码>`)
	for _, name := range strings.Fields("pass1 pass2 userpass newpass oldPass txtPass pass_confirm pw pincode otp_code totp verification_code code client_assertion " +
		"SAMLResponse subscription-key x-functions-key card_no ccnum csrf csrf_token 密码 mima senha kennwort пароль user[pass] login.pw PASS Пароль db_pass my-otp") {
		body(formType, name+"=hunter2", "a=1;"+name+"=hunter2", url.QueryEscape(name)+"=x;hunter2")
		body(jsonType, `{"`+name+`":"hunter2"}`, `{"a":{"`+name+"\" :\n\"hunter2\"}")
		header("X-Debug", name+"=hunter2")
		target("/a?" + url.QueryEscape(name) + "=hunter2")
	}
	body(formType, `d={"password":"hunter2"}`, "d="+url.QueryEscape(`{"password":"hunter2"}`), "d="+url.QueryEscape(url.QueryEscape(`{"password":"hunter2"}`)),
		"next="+url.QueryEscape("/a?password=hunter2"), `{"password":"a&hunter2","cut`, "x="+url.QueryEscape("<a:password>hunter2</a:password>"), "pass%2577ord=hunter2")
	body(jsonType, `[{"name":"password","value":"hunter2"}]`, `[{"value":"hunter2","name":"password"}]`, `{"key":"pin","v":{"a":["hunter2"]},"x":1}`,
		`{"d":"{\"password\":\"hunter2\"}"}`, `{"d":"{\"password\":\"a\\\"hunter2\"}"}`, `{"d":"{\u0022password\u0022:\u0022hunter2\u0022}"}`,
		"{\"password\"\n:\n\"hunter2\"", "{\"password\":\n\"hunter2\"}", `{"u":"https://a:hunter2@h/"}`, `{"d":"\u003cpassword\u003ehunter2\u003c/password\u003e"}`,
		`{"d":"password%3Dhunter2"}`, `{"password":{"a":["hunter2"]},"n":`, `{"name":"password","value":"hunter2`)
	body("text/plain", "password: a;hunter2", "password=a,hunter2", "'password' => 'hunter2'", `{\"password\":\"a\\\"hunter2\"}`, "password%253Dhunter2", "see ftp://u:hunter2@h")
	part := func(head string) string { return "--B\r\n" + head + "\r\n\r\nhunter2\r\n--B--\r\n" }
	const disposition = "Content-Disposition: form-data; name="
	for _, contentType := range []string{
		multipartType, "", "multipart/form-data", "multipart/form-data; boundary=A; boundary=B", "multipart/form-data; boundary=B; boundary=A",
		`multipart/form-data; boundary="B"`, "multipart/form-data; boundary= B", " multipart/form-data;boundary=B", "multipart/form-data; boundary=B,x", "multipart/mixed; boundary=zz",
	} {
		body(contentType, part(disposition+`"password"`), part(disposition+"password"), part("Content-Disposition: form-data;\r\n name=\"password\""),
			part(" "+disposition+`"password"`), " "+part(disposition+`"password"`), part(disposition + `"a"` + "\r\nContent-Type: multipart/mixed; boundary=C")[:0]+
				"--B\r\n"+disposition+"\"a\"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n"+disposition+"\"pin\"\r\n\r\nhunter2\r\n--C--\r\n--B--",
			"--B\r\n"+disposition+"\"password\"\r\n\r\nsee --B and\r\nhunter2\r\n--B--", part(disposition+`"=?utf-8?B?cGFzc3dvcmQ=?="`), part(disposition+`"x"; name="password"`),
			part("Content-Disposition: form-data; name*=utf-8''pass%77ord"), part("Content-Disposition: form-data"), part(disposition + "\"a\"\r\nX-Token: hunter2")[:60]+"\r\n\r\n1")
	}
	body(multipartType, "hunter2\r\n"+part(disposition + `"a"`)[:0]+"--B--\r\nhunter2", part("Content-Type: text/plain"), part("hunter2"),
		part(disposition+"\"a\"\r\nContent-Transfer-Encoding: base64"), "--B\r\n"+disposition+"\"f\"\r\nContent-Type: application/json\r\n\r\n{\"pin\":\"hunter2\"}\r\n--B--",
		"--B\r\n"+disposition+"\"f\"; filename=\"x\"\r\n\r\n\x00\xa8password\xa7hunter2\r\n--B--")
	body("application/msgpack", "\x81\xa8password\xa7hunter2", "password hunter2")
	body(jsonType, "\x81\xa8password\xa7hunter2", "h\x00u\x00n\x00t\x00e\x00r\x00hunter2")
	body("text/plain; charset=utf-16", "hunter2")
	header("Authorization", "hunter2", "hunter2 x", "x hunter2", "Basic hunter2", "Bearer\thunter2", "Digest username=\"u\", response=\"hunter2\"", "Bearer a hunter2")
	header("Content-Type", "text/plain; password=hunter2", `text/plain; token="a;hunter2"; boundary=x`)
	header("Cookie", "a=hunter2", "hunter2", "a=1; b=x=hunter2")
	header("Referer", "https://u:hunter2@h/", "https://h/a;jsessionid=hunter2?b=c", "https://h/a#access_token=hunter2", "https://h/reset-password/hunter2", "//u:hunter2@h/")
	header("X-Original-Url", "/a?token=hunter2", "/reset/hunter2", "https://u:hunter2@h", "/a%3Ftoken%3Dhunter2")
	header("Ocp-Apim-Subscription-Key", "hunter2")
	header("Host", "u:hunter2@h")
	target("/a?u=https://a:hunter2@h/", "/a?u="+url.QueryEscape("https://a:hunter2@h/"), "/a?u="+url.QueryEscape(url.QueryEscape("https://h/?token=hunter2")),
		"/reset-password/hunter2", "/password/reset/hunter2", "/verify-email/hunter2/", "/a;jsessionid=hunter2", "/a;jsessionid=x;hunter2/b", "/a%3Bjsessionid=hunter2",
		"/a#access_token=hunter2", "/a?next=/b?token=hunter2", `/a?d={"password":"hunter2"}`, "/a?x=1;token=hunter2", "/a?d=%257B%2522pin%2522:%2522hunter2%2522")
	return all
}

// sentCopyOf is such a request.
func sentCopyOf(s [5]string) verdict.Request {
	headers := [][2]string{{s[1], s[2]}}
	if s[3] != "" {
		headers = append(headers, [2]string{"Content-Type", s[3]})
	}
	return verdict.Request{URI: s[0], Headers: headers, Body: []byte(s[4])}
}

func TestNoSecretIsInACopy(t *testing.T) {
	sent := sentSecrets()
	if len(sent) < 300 {
		t.Fatalf("%d requests", len(sent))
	}
	for _, s := range sent {
		q := sentCopyOf(s)
		newSecrets(nil).mask(&q)
		if text := q.URI + q.Headers[0][1] + string(q.Body); strings.Contains(text, "hunter2") {
			t.Errorf("%q: %q", s, text)
		}
	}
}

func TestNoSecretIsInAnEvent(t *testing.T) {
	for _, policy := range []Masking{MaskCredentials, MaskStrict} {
		m := eventMask{policy: policy, secrets: newSecrets([]string{"member"})}
		f := func(got string) {
			t.Helper()
			if strings.Contains(got, "hunter2") {
				t.Errorf("%s: %s", policy, got)
			}
		}
		for _, s := range sentSecrets() {
			f(m.target(s[0]))
			if s[1] == "Referer" {
				f(m.target(s[2]))
			}
			if s[1] == "Content-Type" {
				f(m.mediaType(s[2]))
			}
			f(m.matched("REQUEST_HEADERS:"+s[1], s[2]))
			m.bodyType = s[3]
			f(m.matched("REQUEST_BODY", s[4]))
		}
		f(m.target("/a?member=hunter2"))
		f(m.matched("ARGS:member", "hunter2"))
	}
	strict := eventMask{policy: MaskStrict}
	for _, target := range []string{"/a;x=hunter2/b", "/a%3bx=hunter2", "/a#hunter2", "/a?x=1#hunter2", "/a?x=hunter2", "/a?x=1;hunter2"} {
		if got := strict.target(target); strings.Contains(got, "hunter2") {
			t.Errorf("%s: %s", target, got)
		}
	}
	if got := strict.mediaType("text/plain; x=hunter2"); got != "text/plain; x=xxxxxx0" {
		t.Error(got)
	}
}

func TestBodyThatCannotBeReadIsNotKept(t *testing.T) {
	f := func(name, value, body string, want bool) {
		t.Helper()
		q := verdict.Request{Headers: [][2]string{{name, value}}, Body: []byte(body)}
		if whole := newSecrets(nil).mask(&q); whole != want || want != (len(q.Body) == len(body)) {
			t.Errorf("%s: %s %q: %v, %d bytes", name, value, body, whole, len(q.Body))
		}
	}
	f("Content-Encoding", "gzip", "a", false)
	f("Content-Encoding", "identity", "a", true)
	f("Content-Encoding", "gzip", "", true)
	f("Content-Type", "application/x-msgpack", "a", false)
	f("Content-Type", "text/plain; charset=utf-16le", "a", false)
	f("Content-Type", "text/plain; charset=\"UTF-8\"", "aé", true)
	f("Content-Type", "application/json", "a\x00", false)
	f("Content-Type", "application/json", "a\xffbcdefg", false)
	f("Content-Type", "text/plain", "cut \xe5\xaf", true)
	f("Content-Type", "application/octet-stream", "<script>", true)
}

func TestOrdinaryTextStays(t *testing.T) {
	s := newSecrets(nil)
	for _, target := range []string{
		"/a?passenger=bob&compass=n&side=left&country_code=DE", "/reset.css", "/a/b;v=1?x=https://h/p@q", "/auth/login", "/password/reset",
		"/token/../../etc/passwd", "/a?q=%3Cscript%3Ealert(1)%3C/script%3E", "/a?q=1'%20OR%201=1--", "//h/a@b",
	} {
		if got := s.target(target); got != target {
			t.Errorf("%s: %s", target, got)
		}
	}
	for _, body := range []string{`<a name="b">c</a><d>x</d>`, `{"name":"bob","value":"c"}`, `<pre>1 < 2</pre>`} {
		if got := s.body("", body); got != body {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// hostileBodies are large ones, each of what could take a masker long.
func hostileBodies() (all [][2]string) {
	fill := func(contentType string, pieces ...string) {
		for _, piece := range pieces {
			all = append(all, [2]string{contentType, strings.Repeat(piece, 1<<19/len(piece))})
		}
	}
	fill(jsonType, `{"name":"password","a":`, `["\"",`, `{"a":"{\"b\":\"c\"}",`, `"\\`, `{`, `"password":`, `"%257b%2522`)
	fill(xmlType, "<password>", "<a b=", "<a b='c' ", "<![CDATA[", "<name>pin</name>", "</a>", "<", "&lt;", "<a b=\"", "&#1")
	fill(formType, "a=%7B%22a%22:1&", "password=a&", "a;", "%2525", "=", "a=//x@y&", "+")
	fill("text/plain", "//", "https://a@", "password:", `\"password\":\"`, "a=", "pass=pass=", "\r\n", "1 ", "a%25")
	fill(multipartType, "--B\r\n", "\r\n--", "--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n", "\r\n ", "a:\r\n")
	return all
}

func TestMaskingLargeBodiesEnds(t *testing.T) {
	for _, b := range hostileBodies() {
		q := verdict.Request{Headers: [][2]string{{"Content-Type", b[0]}}, Body: []byte(b[1])}
		if whole := newSecrets(nil).mask(&q); !whole || len(q.Body) != len(b[1]) {
			t.Errorf("%s %.20q: %v, %d bytes", b[0], b[1], whole, len(q.Body))
		}
	}
}

func BenchmarkMaskHostileBodies(b *testing.B) {
	s := newSecrets(nil)
	for _, body := range hostileBodies() {
		b.Run("", func(b *testing.B) {
			b.SetBytes(int64(len(body[1])))
			for b.Loop() {
				s.body(body[0], body[1])
			}
		})
	}
}
