package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatewatch/gatewatch/services/enrich/enrichtest"
)

var update = flag.Bool("update", false, "write what commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatewatch": main})
}

// TestScripts runs the commands as people do. Besides the commands of
// testscript there are
//
//	status N COMMAND…   runs a command and wants that exit code
//	serve DIR [FLAG…]   starts a server on free ports and waits until it is ready;
//	                    GATEWATCH_SERVER, GATEWATCH_TOKEN, INGEST and GRPC
//	                    are then set
//	mmdb FILE PREFIX COUNTRY   makes an mmdb file of one network
//	break PATH          changes a byte in the middle of a file, or of the first
//	                    segment of a folder
//	node                starts a WAF node of that server before a site that answers
//	                    everything; it keeps all requests for replay
//	request CODE METHOD PATH [FORM]   sends a request through the node
//	receive SECRET FILE starts a receiver of signed messages, whose address is HOOK; it
//	                    appends those of the secret in a file to another one
//	reload              has the server read its configuration again
//	end, stop, crash    ends the server with SIGTERM, or SIGKILL
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = &running{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  status,
			"serve":   startServer,
			"break":   breakFile,
			"mmdb":    makeMMDB,
			"node":    startNode,
			"request": sendRequest,
			"receive": receiveMessages,
			"reload":  reloadServer,
			"end":     func(ts *testscript.TestScript, _ bool, _ []string) { endServer(ts, syscall.SIGTERM) },
			"crash":   func(ts *testscript.TestScript, _ bool, _ []string) { endServer(ts, syscall.SIGKILL) },
		},
	})
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func makeMMDB(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	country := enrichtest.MMDB("DBIP-Test", map[string]enrichtest.Record{args[1]: {"country_code": args[2]}})
	ts.Check(os.WriteFile(path, country, 0o600))
}

func breakFile(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	if segments, _ := filepath.Glob(filepath.Join(path, "*.gwseg")); len(segments) > 0 {
		path = segments[0]
	}
	b, err := os.ReadFile(path)
	ts.Check(err)
	if i := strings.Index(string(b), `"act":"token`); i >= 0 {
		b[i+1] ^= 1
	} else {
		b[len(b)/2] ^= 1
	}
	ts.Check(os.WriteFile(path, b, 0o600))
}

// serverKey names the server among the values of a script.
type serverKey struct{}

// running is the server of a script.
type running struct {
	cmd *exec.Cmd
	log strings.Builder
}

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(serverKey{}).(*running)
	program, err := exec.LookPath("gatewatch")
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	flags := append([]string{
		"serve", "--data", dir, "--listen.http", "127.0.0.1:0", "--listen.grpc", "127.0.0.1:0",
		"--listen.ingest", "127.0.0.1:0", "--listen.syslog", "",
	}, args[1:]...)
	r.cmd = exec.Command(program, flags...)
	r.cmd.Dir, r.cmd.Stderr = ts.Getenv("WORK"), &r.log
	out, err := r.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(r.cmd.Start())
	ts.Defer(func() {
		if r.cmd != nil {
			_ = r.cmd.Process.Kill() // after a failure of the script
			_ = r.cmd.Wait()
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, " ready, ") {
		_ = r.cmd.Process.Kill()
		ts.Fatalf("server is not ready: %q, %v, %v\n%s", line, err, r.cmd.Wait(), r.log.String())
	}
	var addresses map[string]string
	b, err := os.ReadFile(filepath.Join(dir, listenFile))
	ts.Check(err)
	ts.Check(json.Unmarshal(b, &addresses))
	token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	ts.Check(err)
	ts.Setenv("GATEWATCH_SERVER", "http://"+addresses["http"])
	ts.Setenv("GATEWATCH_TOKEN", strings.TrimSpace(string(token)))
	ts.Setenv("INGEST", "http://"+addresses["ingest"])
	ts.Setenv("GRPC", addresses["grpc"])
}

func endServer(ts *testscript.TestScript, signal os.Signal) {
	r := ts.Value(serverKey{}).(*running)
	ts.Check(r.cmd.Process.Signal(signal))
	err := r.cmd.Wait()
	if err != nil && signal == syscall.SIGTERM {
		ts.Fatalf("server: %v\n%s", err, r.log.String())
	}
	r.cmd = nil
}
