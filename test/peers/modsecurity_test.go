package peers

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/test/server"
)

// modSecurityModule is where Debian has ModSecurity's connector for nginx.
const modSecurityModule = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"

// modSecurityConfig has one server with CRS as it comes and one with directives before
// it, both in front of one upstream.
const modSecurityConfig = `
load_module {module};
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log info;
events { worker_connections 64; }
http {
	client_body_temp_path {dir}/tmp; proxy_temp_path {dir}/tmp; fastcgi_temp_path {dir}/tmp;
	uwsgi_temp_path {dir}/tmp; scgi_temp_path {dir}/tmp;
	access_log off;
	modsecurity on;
	server {
		listen {plain};
		modsecurity_rules_file {dir}/plain.conf;
		location / { proxy_pass http://{upstream}; }
	}
	server {
		listen {tuned};
		modsecurity_rules_file {dir}/tuned.conf;
		location / { proxy_pass http://{upstream}; }
	}
}
`

// modSecurityEngine is what coraza.conf-recommended sets, as far as requests go.
const modSecurityEngine = `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecAuditEngine Off
SecTmpDir {dir}/tmp
SecDataDir {dir}/tmp
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
`

// modSecurity is an nginx with ModSecurity v3.
type modSecurity struct {
	*peer
	plain, tuned string // addresses
}

// configureModSecurity writes the configuration of an nginx with directives before CRS
// in one of its servers, and fails where they do not compile.
func configureModSecurity(t *testing.T, directives string) (m *modSecurity, dir string, args []string) {
	t.Helper()
	if _, err := os.Stat(modSecurityModule); err != nil {
		t.Fatalf("ModSecurity for nginx is missing: run deploy/peers/install.sh: %v", err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	setup, rules := coreRules(t, dir)
	engine := strings.ReplaceAll(modSecurityEngine, "{dir}", dir)
	writeFile(t, dir, "plain.conf", engine+setup+rules)
	writeFile(t, dir, "tuned.conf", engine+setup+directives+rules)
	m = &modSecurity{plain: net.JoinHostPort("127.0.0.1", freePort(t, "127.0.0.1")), tuned: net.JoinHostPort("127.0.0.2", freePort(t, "127.0.0.2"))}
	config := writeFile(t, dir, "nginx.conf", strings.NewReplacer("{dir}", dir, "{module}", modSecurityModule, "{plain}", m.plain, "{tuned}", m.tuned,
		"{upstream}", upstream(t, http.StatusOK, "hello")).Replace(modSecurityConfig))
	args = []string{"-p", dir, "-e", filepath.Join(dir, "start.log"), "-c", config}
	if out, err := exec.CommandContext(t.Context(), program(t, "nginx"), append(args, "-t")...).CombinedOutput(); err != nil {
		t.Fatalf("ModSecurity does not take the directives: %v: %s\n%s", err, out, directives)
	}
	return m, dir, args
}

// startModSecurity runs such an nginx.
func startModSecurity(t *testing.T, directives string) *modSecurity {
	t.Helper()
	m, dir, args := configureModSecurity(t, directives)
	m.peer = startPeer(t, dir, "nginx", args...)
	m.awaitAddress(m.plain)
	m.awaitAddress(m.tuned)
	return m
}

// coreRules writes CRS into a folder; its parts are included one by one, with what
// it asks to be set up as text.
func coreRules(t *testing.T, dir string) (setup, rules string) {
	t.Helper()
	text, err := fs.ReadFile(coreruleset.FS, "@crs-setup.conf.example")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(coreruleset.FS, "@owasp_crs/*")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d files of CRS, %v", len(names), err)
	}
	var b strings.Builder
	for _, name := range names {
		file, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		// ModSecurity takes the line after a rule without actions for its actions.
		path := writeFile(t, dir, filepath.Base(name), strings.ReplaceAll(string(file), "\nSec", "\n\nSec"))
		if strings.HasSuffix(name, ".conf") {
			fmt.Fprintf(&b, "Include %s\n", path)
		}
	}
	return string(text) + "\n", b.String()
}

// status is that of the answer to a request, sent as it is.
func (m *modSecurity) status(addr string, r *verdict.Request) int {
	m.t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(server.Patience))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", r.Method, r.URI, r.Proto)
	for _, h := range slices.Concat(r.Headers, [][2]string{{"Connection", "close"}}) {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if _, err := io.WriteString(conn, b.String()+"\r\n"+string(r.Body)); err != nil {
		m.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		m.t.Fatalf("answer to %s: %v", r.ID, err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

// check compares the answers of both servers to a request.
func (m *modSecurity) check(what string, r *verdict.Request, plain, tuned int) {
	m.t.Helper()
	if p, n := m.status(m.plain, r), m.status(m.tuned, r); p != plain || n != tuned {
		m.t.Errorf("%s: %s has status %d without proposals and %d with them, want %d and %d", what, r.ID, p, n, plain, tuned)
	}
}
