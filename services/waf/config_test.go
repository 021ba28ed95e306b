package waf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/config"
)

func TestConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waf.yaml")
	f := func(doc, want string) Config {
		t.Helper()
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		var c Config
		err := config.LoadFile(&c, file)
		if err == nil {
			err = Check(c)
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", doc, got, want)
		}
		return c
	}
	const site = "sites: [{upstreams: ['http://127.0.0.1:1']}]\n"
	f(site, "")
	c := f(`
node: edge1
listen: 127.0.0.1:8443
trusted_proxies: [10.0.0.0/8]
server: {address: "grpcs://siem.example:9090", token: t}
spool: {max_bytes: 2GiB, sync_interval: 50ms}
limits: {evaluations: 4, max_header_bytes: 32KiB}
sites:
  - {name: shop, hosts: [shop.example, "*.shop.example"], upstreams: ["http://127.0.0.1:1", "http://127.0.0.1:2"], mode: detect, rules: {paranoia: 2, request_body_bytes: 128KiB}}
  - {name: rest, upstreams: ["https://127.0.0.1:3"], over_limit: reject}
`, "")
	if c.Sites[0].Mode != ModeDetect || c.Sites[0].Rules.RequestBodyBytes != 128<<10 || c.Spool.MaxBytes != 2<<30 {
		t.Errorf("%+v", c)
	}
	f("", "sites: none given")
	f("lisen: x\n"+site, "unknown key lisen; did you mean listen?")
	f("sites: [{upstream: x}]", "unknown key sites[0].upstream; did you mean upstreams?")
	f("sites: [{name: a}]", "sites[0].upstreams: none given")
	f("sites: [{upstreams: [x]}]", `sites[0].upstreams: "x" is not a URL`)
	f("sites: [{upstreams: ['http://a'], mode: on}]", `sites[0].mode: "on" is not one of block, detect`)
	f("sites: [{upstreams: ['http://a'], mask: no}]", `mask: "no" is not`)
	f("sites: [{upstreams: ['http://a'], rules: {paranoia: 7}}]", "sites[0].rules.paranoia: 7 is not between 1 and 4")
	f("limits: {body_buffer_bytes: 1MiB}\nsites: [{upstreams: ['http://a'], rules: {inspect_responses: true}}]", "")
	f("limits: {body_buffer_bytes: 1MiB}\nsites: [{upstreams: ['http://a'], rules: {inspect_responses: true, response_body_bytes: 524289}}]",
		"sites[0].rules.response_body_bytes: 524289 bytes are held twice, which is more than limits.body_buffer_bytes (1048576)")
	f("sites: [{upstreams: ['http://a']}, {upstreams: ['http://b']}]", `sites[1].name: "default" is the name of another site`)
	f("sites: [{upstreams: ['http://a']}, {name: b, upstreams: ['http://b']}]", `sites[1].hosts: "*" is a host of site default already`)
	f("listen: 0.0.0.0:80\n"+site, "listen: 0.0.0.0:80 can be reached from the network")
	f("metrics_listen: 0.0.0.0:80\n"+site, "metrics_listen: 0.0.0.0:80 can be reached from the network")
	f("metrics_listen: '80'\n"+site, `metrics_listen: "80" is not host:port`)
	f("listen: 0.0.0.0:80\ninsecure: true\n"+site, "")
	f("node: 'a b'\n"+site, "node: name")
	f("proxy_protocol: true\n"+site, "proxy_protocol: needs trusted_proxies")
	f("client_header: x-forwarded-for\n"+site, "")
	f("client_header: Via\n"+site, `client_header: "Via" is not one of X-Forwarded-For, Forwarded`)
	f("trusted_proxies: [x]\n"+site, `trusted_proxies: read trusted proxy "x"`)
	f("server: {address: 'grpc://siem.example:9090'}\n"+site, "server.address: siem.example:9090 is on another machine")
	f("server: {address: x}\n"+site, `server.address: "x" is not host:port`)
	f("spool: {max_bytes: 1}\n"+site, "spool.max_bytes: 1 is less than 64 KiB")
	f("spool: {key_file: "+file+".no}\n"+site, "read spool key")
	f("tls: {cert: a.pem}\n"+site, "tls.key: is not set")
}

func TestRouter(t *testing.T) {
	r := router{exact: map[string]*site{}, suffixes: map[string]*site{}}
	a, b, c, d := &site{name: "a"}, &site{name: "b"}, &site{name: "c"}, &site{name: "d"}
	for s, hosts := range map[*site][]string{a: {"Shop.example"}, b: {"*.shop.example"}, c: {"*.example"}, d: {"*"}} {
		if err := r.add(s, hosts); err != nil {
			t.Fatal(err)
		}
	}
	f := func(host, want string) {
		t.Helper()
		if got := r.find(host); got.name != want {
			t.Errorf("%s: %s, want %s", host, got.name, want)
		}
	}
	f("shop.example", "a")
	f("SHOP.example.:8080", "a")
	f("x.shop.example", "b")
	f("y.x.shop.example", "b")
	f("other.example", "c")
	f("example", "d")
	f("[2001:db8::1]:80", "d")
	f("", "d")
	if err := r.add(a, []string{"a*b"}); err == nil {
		t.Error("a*b was taken")
	}
}
