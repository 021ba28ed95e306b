package verdict

import "bytes"

// callbacks are parts of host names that record who calls.
var callbacks = []string{
	"burpcollaborator", "oastify", "interact.sh", "oast.", "dnslog", "ceye.io", "requestbin", "webhook.site", "canarytokens", "pipedream",
	"nip.io", "sslip.io", "xip.io", "localtest.me", "bxss", "xss.ht", "evil.", "attacker", "hacker", "malicious", "ngrok", "interactsh",
}

// internals are hosts and prefixes of addresses that only the inside reaches.
var internals = []string{
	"localhost", "127.", "10.", "192.168.", "169.254.", "0.0.0.0", "[::", "metadata.", "instance-data", "0x7f", "2130706433", "017700000001",
	"172.16.", "172.17.", "172.18.", "172.31.", "100.100.100.200", "kubernetes", "127.1", "0/", "[0:", "[fd", "internal", "[::ffff",
}

// schemes are those a server can be made to fetch by accident.
var schemes = []string{"gopher://", "dict://", "ldap://", "ldaps://", "tftp://", "sftp://", "rmi://", "ftp://", "netdoc://", "jar://", "smb://", "iiop://", "dns://"}

// url looks at values that are URLs: where would a server or browser that
// follows them go?
func (f *finder) url() {
	s := f.s
	for _, scheme := range schemes {
		if f.contains(scheme) {
			f.found.add(urlScheme)
		}
	}
	for _, host := range callbacks {
		if f.contains(host) {
			f.found.add(urlCallback)
			break
		}
	}
	at := f.index("://")
	switch {
	case at >= 0 && at < 4096:
		f.host(s[at+3:], at < 12 && f.counts[' '] == 0)
	case len(s) > 4 && (s[0] == '/' || s[0] == '\\') && (s[1] == '/' || s[1] == '\\') && f.leaf.place != inPath:
		f.found.add(urlOdd)
		f.host(bytes.TrimLeft(s, `/\`), true)
	}
	if len(s) < 512 && (f.contains("http:\\") || f.contains("http:/%") || f.contains("https:@") || f.contains("http:///") || f.contains("/%09/") || f.contains("/\t/") || f.contains("/%5c")) {
		f.found.add(urlOdd)
	}
}

// host judges the authority of a URL. whole says that the value is nothing but
// the URL.
func (f *finder) host(s []byte, whole bool) {
	end := bytes.IndexAny(s, "/?#\\ \"'<>")
	if end < 0 {
		end = len(s)
	}
	host := s[:end]
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		if f.leaf.place != inBody {
			f.found.add(urlOdd)
		}
		host = host[i+1:]
	}
	lower := bytes.ToLower(host)
	for _, name := range internals {
		if bytes.HasPrefix(append(lower[:len(lower):len(lower)], '/'), []byte(name)) || len(name) > 6 && name[0] > '9' && bytes.Contains(lower, []byte(name)) {
			f.found.add(urlInternal)
		}
	}
	name, _, _ := bytes.Cut(lower, []byte(":"))
	if len(name) > 0 && bytes.Trim(name, "0123456789.xabcdef") == nil && bytes.IndexByte(name, '.') < 0 {
		f.found.add(urlOdd) // an address as one number
	}
	if whole && f.leaf.place != inReferer && f.leaf.place != inHeader && !sameSite(lower, f.site) && targetName(f.leaf.name) {
		f.found.add(urlForeign)
	}
}

// sameSite tells whether two hosts share their last two labels.
func sameSite(a, b []byte) bool {
	return len(b) > 0 && bytes.Equal(lastLabels(a), lastLabels(b))
}

func lastLabels(host []byte) []byte {
	host, _, _ = bytes.Cut(host, []byte(":"))
	dots := 0
	for i := len(host) - 1; i >= 0; i-- {
		if host[i] == '.' {
			if dots++; dots == 2 {
				return host[i+1:]
			}
		}
	}
	return host
}

// targets are parts of names of parameters that say where to go next.
var targets = []string{"url", "redir", "next", "return", "goto", "dest", "target", "continue", "callback", "out", "link", "forward", "ref", "page", "file", "path", "uri", "host", "site", "view", "to", "image", "src", "load", "proxy", "fetch", "domain"}

func targetName(name []byte) bool {
	lower := bytes.ToLower(name)
	for _, t := range targets {
		if bytes.Contains(lower, []byte(t)) {
			return true
		}
	}
	return false
}
