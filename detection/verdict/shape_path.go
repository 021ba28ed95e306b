package verdict

import "bytes"

// secrets are ends of paths that intruders ask for.
var secrets = []string{
	"etc/passwd", "etc/shadow", "etc/hosts", "etc/group", "etc/issue", "win.ini", "boot.ini", "system32", "web.xml", "web.config",
	".git/", ".env", ".htaccess", ".htpasswd", "proc/self", "id_rsa", "wp-config", "web-inf", "meta-inf", ".svn/", ".ds_store",
	"/var/log", "access.log", "access_log", ".bash_history", "authorized_keys", "php.ini", "my.cnf", "proc/version", "/winnt/",
	"windows/system", "windows\\system", ".aws/", ".ssh/", "dockerenv", "global.asa", "/etc/", "c:\\", "c:/", "/proc/", "server.xml",
	"database.yml", ".npmrc", ".dockercfg", "actuator/", "phpunit", "eval-stdin",
}

// wrappers are schemes that read files or run programs in place of fetching.
var wrappers = []string{
	"php://", "file://", "data://", "expect://", "phar://", "zip://", "jar:", "netdoc:", "compress.zlib://", "glob://", "ogg://",
	"file:/", "input://", "data:text", "zlib:", "rar://",
}

// path looks for steps out of directories and for files no page is made of.
func (f *finder) path() {
	climbs := f.climbs()
	if climbs > 0 {
		f.found.add(pathClimb)
	}
	if climbs > 2 {
		f.found.add(pathClimbFar)
	}
	if f.has("/\\.:") {
		for _, name := range secrets {
			if f.contains(name) {
				f.found.add(pathSecret)
			}
		}
		for _, scheme := range wrappers {
			if i := f.index(scheme); i >= 0 && (i == 0 || byteClass[f.s[i-1]]&classWord == 0) {
				f.found.add(pathWrapper)
			}
		}
	}
	if f.counts[0] > 0 && f.leaf.place != inFile && f.leaf.place != inBody {
		f.found.add(pathNull)
	}
	if f.leaf.place != inPath && len(f.s) > 4 && len(f.s) < 200 {
		for _, root := range []string{"/etc/", "/proc/", "/var/", "/usr/", "/root/", "/home/", "/tmp/", "/bin/", "/opt/", "/dev/", "c:", "\\\\", "/windows", "/winnt"} {
			if f.follows(0, root) {
				f.found.add(pathAbsolute)
			}
		}
	}
	if f.contains("..;/") || f.contains("..../") || f.contains("..\\/") || f.contains("/./") && climbs > 0 || f.contains("%2e%2e") || f.contains("..%") || f.contains("0x2e0x2e") || f.contains("..0x") {
		f.found.add(pathOdd)
	}
}

// climbs counts steps out of a directory in all the ways to write one.
func (f *finder) climbs() int {
	if f.counts['.'] < 2 {
		return 0
	}
	n := 0
	s := f.s[:min(len(f.s), 16<<10)]
	for {
		i := bytes.Index(s, []byte(".."))
		if i < 0 {
			return n
		}
		first := i == 0 && len(s) == len(f.s)
		behind := i > 0 && (s[i-1] == '/' || s[i-1] == '\\')
		s = s[i+2:]
		run := 2
		for len(s) > 0 && s[0] == '.' {
			s = s[1:]
			run++
		}
		if run >= 6 && len(s) > 0 && (first || behind) { // steps from which a filter took the separators
			n += run / 2
			continue
		}
		if len(s) > 0 && (s[0] == '/' || s[0] == '\\' || s[0] == ';' && len(s) > 1 && s[1] == '/' || s[0] == '%') {
			n++
		} else if len(s) == 0 && behind {
			n++
		}
	}
}
