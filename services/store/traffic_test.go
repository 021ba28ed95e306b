package store_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
)

// traffic makes the events of web servers behind a WAF: 31 fields and the line
// they came from, with the skew that real traffic has.
type traffic struct {
	r       *rand.Rand
	seq     uint64
	epoch   string
	now     int64
	clients []netip.Addr
	paths   []string
	agents  []string
	sites   []string
	zipf    [4]*rand.Zipf
}

func newTraffic(seed uint64) *traffic {
	t := &traffic{r: rand.New(rand.NewPCG(seed, 1)), now: 1_790_000_000_000_000_000}
	t.epoch = fmt.Sprintf("%016x%016x", t.r.Uint64(), t.r.Uint64())
	for range 50_000 {
		x := t.r.Uint32()
		t.clients = append(t.clients, netip.AddrFrom4([4]byte{byte(1 + x%220), byte(x >> 8), byte(x >> 16), byte(x >> 24)}))
	}
	words := []string{"api", "account", "cart", "catalog", "images", "static", "login", "orders", "news", "admin"}
	for i := range 20_000 {
		t.paths = append(t.paths, "/"+words[t.r.IntN(10)]+"/"+words[t.r.IntN(10)]+"/"+strconv.Itoa(i))
	}
	for i := range 1000 {
		t.agents = append(t.agents, fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.%d Safari/537.36", 90+i%60, i*7, i%200))
	}
	for i := range 100 {
		t.sites = append(t.sites, fmt.Sprintf("%s-%03d.example.com", words[i%10], i))
	}
	for i, n := range []int{len(t.clients), len(t.paths), len(t.agents), len(t.sites)} {
		t.zipf[i] = rand.NewZipf(t.r, 1.2, 10, uint64(n-1))
	}
	return t
}

var attacks = []string{"id=1%20union%20select%201,2,user()--", "q=%3Cscript%3Ealert(1)%3C/script%3E", "file=../../../../etc/passwd"}

// next fills an event.
func (t *traffic) next(e *event.Event) {
	r := t.r
	e.Reset()
	t.seq++
	t.now += int64(r.IntN(60_000)) * 1000
	e.Time = t.now/1e6*1e6 - int64(r.IntN(3000))*1e6
	e.Received = t.now
	e.ID = t.epoch + "-" + strconv.FormatUint(t.seq, 10)
	e.Source, e.Dataset = "edge-"+strconv.Itoa(r.IntN(3)), "nginx.access"
	client := t.clients[t.zipf[0].Uint64()]
	path, agent, site := t.paths[t.zipf[1].Uint64()], t.agents[t.zipf[2].Uint64()], t.sites[t.zipf[3].Uint64()]
	query, status, action, score := "", int64(200), "allowed", int64(0)
	if r.IntN(2) == 0 {
		query = "sid=" + strconv.FormatUint(r.Uint64(), 16) + "&page=" + strconv.Itoa(r.IntN(50))
	}
	switch x := r.IntN(100); {
	case x < 2:
		query, status, action, score = attacks[r.IntN(3)]+strconv.Itoa(r.IntN(1000)), 403, "blocked", 15
		e.Dataset = "coraza.waf"
		for _, id := range []string{"942100", "942190", "949110"} {
			e.AddList(event.RuleID, event.String(id))
			e.Add(event.WAFMatchRuleID, event.String(id))
			e.Add(event.WAFMatchVariable, event.String("ARGS:id"))
		}
	case x < 10:
		status = 304
	case x < 14:
		status = 404
	}
	size := int64(r.IntN(50_000))
	method := []string{"GET", "GET", "GET", "POST", "PUT"}[r.IntN(5)]
	e.Raw = fmt.Appendf(nil, "%s - - [21/Nov/2026:08:%02d:%02d +0000] \"%s %s?%s HTTP/1.1\" %d %d \"https://%s/\" \"%s\"",
		client, r.IntN(60), r.IntN(60), method, path, query, status, size, site, agent)
	e.Add(event.SourceIP, event.IP(client))
	e.AddInt(event.SourcePort, int64(1024+r.IntN(64000)))
	e.AddText(event.SourceCountry, []string{"CN", "US", "DE", "RU", "NL"}[r.IntN(5)])
	e.AddInt(event.SourceASN, int64(client.As4()[0])*17)
	e.AddText(event.HTTPRequestMethod, method)
	e.AddText(event.URLPath, path)
	e.AddText(event.URLQuery, query)
	e.AddText(event.URLOriginal, path+"?"+query)
	e.AddText(event.HTTPVersion, "1.1")
	e.AddInt(event.HTTPResponseStatusCode, status)
	e.AddInt(event.HTTPResponseBytes, size)
	e.AddInt(event.HTTPRequestBytes, int64(200+r.IntN(2000)))
	e.AddText(event.HTTPRequestReferrer, "https://"+site+"/")
	e.AddText(event.UserAgentOriginal, agent)
	e.AddText(event.TraceID, hex.EncodeToString(fmt.Appendf(nil, "%08x%08x", r.Uint32(), r.Uint32())))
	e.AddInt(event.EventDuration, int64(r.IntN(5_000_000))*1000)
	e.Add(event.EventCategory, event.String("web"))
	e.Add(event.EventType, event.String("access"))
	e.AddText(event.EventKind, "event")
	e.AddText(event.EventOutcome, "success")
	e.AddText(event.WAFSite, site)
	e.AddText(event.WAFNode, "node-1")
	e.AddText(event.WAFMode, "block")
	e.AddText(event.WAFAction, action)
	e.AddInt(event.WAFAnomalyScore, score)
	e.AddInt(event.WAFThreshold, 5)
	e.Add(event.RelatedIP, event.IP(client))
	e.AddText(event.HostName, "gw-1")
	e.AddText(event.ServiceName, "gateway")
}

// events makes n events.
func (t *traffic) events(n int) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		t.next(&out[i])
	}
	return out
}
