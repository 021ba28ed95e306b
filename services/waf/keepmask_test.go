package waf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

func TestMaskCopyTarget(t *testing.T) {
	s := newSecrets([]string{"Member-No"})
	f := func(in, want string) {
		t.Helper()
		if got := s.target(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f("/a?b=1&password=Hunter2!", "/a?b=1&password=Xxxxxx0!")
	f("/a?member_no=77&memberno=8&x=9", "/a?member_no=00&memberno=0&x=9")
	f("/shop;jsessionid=AB12?x=1", "/shop;jsessionid=XX00?x=1")
	f("/a?q=%7B%22token%22%3A%22s3%22%7D", "/a?q=%7B%22token%22%3A%22x0%22%7D")
	f("/a?q=1'%20OR%201=1--", "/a?q=1'%20OR%201=1--")
	f("/pay/4111%201111%201111%201111", "/pay/0000%200000%200000%200000")
	f("/a?next=%2Flogin%3Ftoken%3Dabc", "/a?next=%2Flogin%3Ftoken%3Dxxx")
	f("/a#access_token=abc&x=1", "/a#access_token=xxx&x=1")
	f("https://u:p@h/?sid=1", "https://x:x@h/?sid=0")
	f("/a?token=%zz%4", "/a?token=%xx%0")
	f("?", "?")
	f("", "")
}

func TestMaskCopyHeaders(t *testing.T) {
	s := newSecrets([]string{"X-Member"})
	f := func(name, in, want string) {
		t.Helper()
		if got := s.header(name, in); got != want {
			t.Errorf("%s: %s: %s, want %s", name, in, got, want)
		}
	}
	f("Authorization", "Basic dXNlcjpw", "Basic xXXxxxxx")
	f("authorization", "abc", "xxx")
	f("Cookie", `sid=AB1; lang=en; {"a":"b"}; x`, `sid=XX0; lang=xx; {"x":"x"}; x`)
	f("X-Api-Key", "k1", "x0")
	f("X-Member", "k1", "x0")
	f("Referer", "https://shop/?token=1&q=<b>", "https://shop/?token=0&q=<b>")
	f("User-Agent", "curl/8.1 (x; rv:1)", "curl/8.1 (x; rv:1)")
	f("X-Debug", "password=abc", "password=xxx")
}

func TestMaskCopyBody(t *testing.T) {
	s := newSecrets(nil)
	f := func(contentType, in, want string) {
		t.Helper()
		got := s.body(contentType, in)
		if got != want {
			t.Errorf("%s: %s\n%s, want\n%s", contentType, in, got, want)
		}
		if json.Valid([]byte(in)) && !json.Valid([]byte(got)) {
			t.Errorf("%s is no JSON any more: %s", in, got)
		}
	}
	const form, js = "application/x-www-form-urlencoded", "application/json"
	f(form, "user=bob&password=a+b%21&note=it's", "user=bob&password=x+x%78&note=it's")
	f(form, "card=4111+1111+1111+1111", "card=0000+0000+0000+0000")
	f(js, `{"user":"bob","password":"it\"s \u0041","n":[1,2]}`, `{"user":"bob","password":"xx\"x \u0078","n":[1,2]}`)
	f(js, `{"p\u0061ssword":"ab","pin":1234,"otp":-1.5e3}`, `{"p\u0061ssword":"xx","pin":1111,"otp":-1.1e1}`)
	f(js, `{"token":{"value":"ab","ok":true,"list":["cd",{"e":"f"}]},"q":"ab"}`, `{"token":{"value":"xx","ok":true,"list":["xx",{"e":"x"}]},"q":"ab"}`)
	f(js, `{"token":null,"q":"<script>","secret":true,"x":"password=abc\n"}`, `{"token":null,"q":"<script>","secret":true,"x":"password=xxx\n"}`)
	f(js, `{"n":4111111111111111,"m":"4111 1111 1111 1111","k":4111111111111112}`, `{"n":1111111111111111,"m":"0000 0000 0000 0000","k":4111111111111112}`)
	f(js, `["token","abc"]`, `["token","abc"]`)
	f("text/plain", `{"password":"abc","cut":"`, `{"password":"xxx","cut":"`)
	f("", "a=1&token=abc", "a=1&token=xxx")
	f("text/xml", "<a><password>abc</password><b token='x1'/></a>", "<a><password>xxx</password><b token='x0'/></a>")
	f("multipart/form-data; boundary=B",
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nab1\r\n--B\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n1' or 1=1\r\n--B\r\n"+
			"Content-Disposition: form-data; name=j\r\nContent-Type: application/json\r\n\r\n{\"pin\":12}\r\n--B--\r\n",
		"--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nxx0\r\n--B\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n1' or 1=1\r\n--B\r\n"+
			"Content-Disposition: form-data; name=j\r\nContent-Type: application/json\r\n\r\n{\"pin\":11}\r\n--B--\r\n")
	f("multipart/form-data", "password=abc", "xxxxxxxx=xxx")
	f("", "", "")
}

// shape is what masking keeps of a byte, as far as it stands for itself.
func shape(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return '0'
	case b|0x20 >= 'a' && b|0x20 <= 'z', b >= 0x80:
		return 'a'
	}
	return b
}

func FuzzMaskCopy(f *testing.F) {
	f.Add("/a?token=abc&q=%7B%22pin%22%3A1", "application/json", `{"password":"a\u0041\\","x":[1,{"pin":2}]}`)
	f.Add("/a;sid=1#token=2", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n1\r\n--B--")
	f.Add("%", "application/x-www-form-urlencoded", "a=%7&password=%")
	for _, sent := range sentSecrets() {
		f.Add(sent[0]+sent[2], sent[3], sent[4])
	}
	s := newSecrets([]string{"x"})
	f.Fuzz(func(t *testing.T, uri, contentType, body string) {
		q := verdict.Request{URI: uri, Headers: [][2]string{{"Content-Type", contentType}, {"Cookie", uri}, {"Referer", body}}, Body: []byte(body)}
		whole := s.mask(&q)
		for _, p := range [][2]string{{uri, q.URI}, {body, string(q.Body)}, {uri, q.Headers[1][1]}, {body, q.Headers[2][1]}} {
			if !whole && p[1] == "" { // a body that cannot be read is not kept
				continue
			}
			if len(p[0]) != len(p[1]) {
				t.Fatalf("%q has another length than %q", p[1], p[0])
			}
			if strings.ContainsAny(p[0], `%\`) { // an escape stands for another byte
				continue
			}
			for i := range len(p[0]) {
				if shape(p[0][i]) != shape(p[1][i]) {
					t.Fatalf("%q has other classes than %q at %d", p[1], p[0], i)
				}
			}
		}
		if whole && !isMultipart(contentType, body) && json.Valid([]byte(body)) && !json.Valid(q.Body) {
			t.Fatalf("%s is no JSON any more: %s", body, q.Body)
		}
	})
}
