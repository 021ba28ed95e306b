package parse

import (
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// webEvent is an event of a gateway as shippers send it: 31 fields and a time.
const webEvent = `{"@timestamp":"2026-11-14T00:00:00.852Z","event.dataset":"edge.access","event.kind":"event","event.category":"web","event.action":"allowed","source.ip":"198.51.100.185","source.geo.country_iso_code":"NZ","destination.ip":"10.20.4.54","http.request.method":"GET","http.request.referrer":"https://shop.example.com/catalog/list/brand/4711.html","http.version":"1.1","url.domain":"shop.example.com","url.path":"/import/track/order/1.php","url.query":"id=1863319&page=2","user_agent.original":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4022.70 Safari/537.36","trace.id":"03d8772665b00008a15afb3c825ce030","node":"waf-node-4","site":"shop.example.com","tls.version":"1.2","tls.cipher":"TLS_AES_128_GCM_SHA256","waf.engine_mode":"on","observer.version":"3.4.1","message":"198.51.100.185 - - [14/Nov/2026:00:00:00 +0000] \"GET /import/track/order/1.php?id=1863319&page=2 HTTP/1.1\" 200 33981 \"https://shop.example.com/catalog/list/brand/4711.html\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4022.70 Safari/537.36\"","event.duration":60597884,"source.port":28825,"source.as.number":3578,"destination.port":443,"http.request.bytes":560,"http.response.status_code":200,"http.response.bytes":33981,"waf.anomaly_score":0,"waf.rule_ids":["942100","942270"]}`

func BenchmarkECS(b *testing.B) {
	f, _ := Lookup("ecs")
	line := []byte(webEvent)
	var e event.Event
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Read(line, &Context{Received: 1}, &e); err != nil {
			b.Fatal(err)
		}
	}
}
