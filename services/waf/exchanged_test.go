package waf

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pickFields are some fields of an event, as name=value.
func pickFields(e map[string]any, names ...string) string {
	var all []string
	for _, n := range names {
		if v, ok := e[n]; ok {
			all = append(all, fmt.Sprintf("%s=%v", n, v))
		}
	}
	return strings.Join(all, " ")
}

// app is an application with a sign-in.
func app(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s3cret-of-" + r.URL.Query().Get("who")})
		case "/echo":
			c, _ := r.Cookie("sid")
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: c.Value})
		case "/me":
			w.Header().Set("X-User", "ada")
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, "hello")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestSessions(t *testing.T) {
	c := testConfig(t, app(t))
	c.Sites[0].Session = SessionConfig{Cookie: "sid", SignedInHeader: "X-Client-User", SignedInPattern: "^[a-z]+$", SignedInAnswer: "X-User"}
	n := startNode(t, c)
	ids := map[string]string{}
	f := func(target, cookie, want string, headers ...string) {
		t.Helper()
		if cookie != "" {
			headers = append(headers, "Cookie", "sid="+cookie)
		}
		request(t, "GET", n.url+target, "", headers...)
		e := n.event(t)
		if got := pickFields(e, "waf.session", "waf.signed_in", "waf.signed_in_proven"); got != want {
			t.Errorf("%s with %q: %s, want %s", target, cookie, got, want)
		}
		id, _ := e["session.id"].(string)
		if cookie != "" && len(id) != 32 || strings.Contains(id, "s3cret") || ids[cookie] != "" && ids[cookie] != id {
			t.Errorf("session.id of %q is %q, before %q", cookie, id, ids[cookie])
		}
		ids[cookie] = id
	}
	f("/", "", "waf.session=none waf.signed_in=false")
	f("/", "made-up", "waf.session=claimed waf.signed_in=false")
	f("/echo", "made-up", "waf.session=claimed waf.signed_in=false")
	f("/", "made-up", "waf.session=claimed waf.signed_in=false") // an echo proves nothing
	f("/", "made-up", "waf.session=claimed waf.signed_in=true", "X-Client-User", "ada")
	f("/", "made-up", "waf.session=claimed waf.signed_in=false", "X-Client-User", "<b>")
	f("/login?who=ada", "", "waf.session=none waf.signed_in=false")
	f("/", "s3cret-of-ada", "waf.session=issued waf.signed_in=false")
	f("/", "s3cret-of-ada", "waf.session=issued waf.signed_in=true", "X-Client-User", "ada")
	f("/login?who=eve", "made-up", "waf.session=claimed waf.signed_in=true", "X-Client-User", "eve") // claims to be signed in as it gets a session
	f("/", "s3cret-of-eve", "waf.session=issued waf.signed_in=false")
	f("/me", "s3cret-of-ada", "waf.session=issued waf.signed_in=true waf.signed_in_proven=true")
	f("/search?q='+union+select+a,b+from+users--", "s3cret-of-ada", "waf.session=issued waf.signed_in=true waf.signed_in_proven=true") // blocked, and remembered
	if ids["made-up"] == ids["s3cret-of-ada"] {
		t.Error("two sessions have one id")
	}
}

// Nodes with one key give a session one id, and other sites give it another.
func TestSessionKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(keyFile, site string) string {
		t.Helper()
		s, err := SessionConfig{Cookie: "sid", KeyFile: keyFile}.compile(newSessionKey())
		if err != nil {
			t.Fatal(err)
		}
		id, _ := s.name(site, "x")
		return id
	}
	once, again := f(file, "a"), f(file, "a")
	fresh := f("", "a")
	if once != again || once == f(file, "b") || fresh == f("", "a") {
		t.Error("ids of sessions do not follow from key and site")
	}
	bad := func(c SessionConfig, want string) {
		t.Helper()
		if err := c.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	bad(SessionConfig{SignedInHeader: "X", SignedInPattern: "("}, "signed_in_pattern")
	bad(SessionConfig{SignedInPattern: "a"}, "signed_in_pattern: needs")
	bad(SessionConfig{Cookie: "sid", KeyFile: file + "-none"}, "key_file")
}

func TestRetries(t *testing.T) {
	n := startNode(t, testConfig(t, app(t)))
	var blockedID string
	f := func(method, target, body, want string) {
		t.Helper()
		var headers []string
		if body != "" {
			headers = []string{"Content-Type", "application/x-www-form-urlencoded"}
		}
		request(t, method, n.url+target, body, headers...)
		e := n.event(t)
		if got := pickFields(e, "waf.retry", "waf.retry_count"); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
		if want == "" && e["waf.decision"] == "block" {
			blockedID, _ = e["http.request.id"].(string)
		}
		if want != "" && e["waf.retry_of"] != blockedID {
			t.Errorf("%s: retry of %v, want %s", target, e["waf.retry_of"], blockedID)
		}
	}
	const attack = "'+union+select+a,b+from+users--"
	f("GET", "/item/1?q=shoes", "", "")
	f("GET", "/item/1?q="+attack, "", "")
	f("GET", "/item/1?q="+attack, "", "waf.retry=same waf.retry_count=1")
	f("GET", "/item/22?q="+attack+"-", "", "waf.retry=changed waf.retry_count=2")
	f("GET", "/item/22?q=shoes", "", "waf.retry=changed waf.retry_count=3") // it gets through now
	f("GET", "/item/22?q=shoes&page=2", "", "")
	f("GET", "/other?q=shoes", "", "")
	f("POST", "/note", "text="+attack, "")
	f("POST", "/note", "text=thanks", "waf.retry=changed waf.retry_count=1")
	f("POST", "/note", "other=thanks", "")
}

func TestRetriesEnd(t *testing.T) {
	l := newLately[int](4, time.Minute)
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	put := func(place, key uint64, at time.Time) (found bool) {
		l.with(place, key, at, func(_ *int, there bool) bool { found = there; return true })
		return found
	}
	put(1, 7, now)
	put(2, 8, now)
	if !put(1, 7, now.Add(time.Minute)) || put(1, 7, now.Add(3*time.Minute)) {
		t.Error("values are not kept for the time that was asked for")
	}
	for key := range uint64(1000) { // somebody fills a place
		put(1, 100+key, now.Add(30*time.Second))
	}
	if !put(2, 8, now.Add(40*time.Second)) {
		t.Error("what fills one place pushes out what is in another")
	}
}

func TestSizesAndAnswers(t *testing.T) {
	n := startNode(t, testConfig(t, app(t)))
	request(t, "POST", n.url+"/broken", "a=b", "Content-Type", "application/x-www-form-urlencoded", "X-Long", strings.Repeat("x", 1000))
	e := n.event(t)
	got := pickFields(e, "http.request.body.bytes", "http.response.body.bytes", "http.response.status_code", "http.response.mime_type", "waf.upstream_status")
	want := "http.request.body.bytes=3 http.response.body.bytes=5 http.response.status_code=500 http.response.mime_type=text/plain"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	in, out := e["http.request.bytes"].(float64), e["http.response.bytes"].(float64)
	if in < 1100 || in > 1500 || out < 80 || out > 500 {
		t.Errorf("%v bytes asked, %v answered", in, out)
	}
}

// TestWhatIsKnownMovesVerdicts lets a client attack, and then send what is
// doubtful: the verdict on it names what the client did.
func TestWhatIsKnownMovesVerdicts(t *testing.T) {
	n := startNode(t, testConfig(t, app(t)))
	const doubtful = "/search?text=select+a+color+from+our+list,+or+don't"
	verdict := func() (float64, string) {
		t.Helper()
		request(t, "GET", n.url+doubtful, "")
		e := n.event(t)
		p, _ := e["verdict.p_attack"].(float64)
		return p, fmt.Sprint(e["verdict.evidence"])
	}
	before, evidence := verdict()
	if strings.Contains(evidence, "client before") {
		t.Errorf("evidence of a client that nobody knows: %s", evidence)
	}
	for i := range 8 {
		request(t, "GET", fmt.Sprintf("%s/item?id=%d'+union+select+user,password+from+users--+-", n.url, i), "")
		n.event(t)
	}
	after, evidence := verdict()
	if after <= before || !strings.Contains(evidence, "client before|") {
		t.Errorf("p_attack %.3f, after attacks %.3f: %s", before, after, evidence)
	}
}
