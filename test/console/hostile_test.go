package console

import (
	"encoding/json"
	"fmt"
	"time"
)

// payloads are what a field must not do: run, hide, turn text around, break out of
// quotes, move a terminal, be a formula.
var payloads = []string{
	`<img src=x onerror="window.ran=1">`,
	`"><script>window.ran=2</script>`,
	`javascript:window.ran=3//`,
	"\u202egnp.exe\u202c and \u2066isolated\u2069",
	"zero\u200bwidth\u200d\ufeff\u00ad\u2060",
	"\x1b[31mred\x1b[0m\x07\u0085",
	`=HYPERLINK("http://evil.example","x")`,
	`{{constructor.constructor('window.ran=4')()}}`,
	"请问 union 里两个 select 的列数不同，from 子句该怎么写？",
	"a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
}

// pathsAskedOnce make up, with the paths of the payloads, for a queue of which 50 groups
// can be reviewed after the sample has taken its few.
const pathsAskedOnce = 48

// object is one of JSON.
type object = map[string]any

// hostileRecords are records of a WAF's audit log, with a payload in every field that
// a client or a rule writes. Every fourth round of requests was allowed. All paths but
// the first ones were asked for once, so that there are as many groups to review.
func hostileRecords(now time.Time) []string {
	records := make([]string, 0, 6*len(payloads)+pathsAskedOnce)
	add := func(i, round, minute int) {
		at := now.Add(-time.Duration(minute) * time.Minute)
		record, err := json.Marshal(auditRecord(at, payloads[i%len(payloads)], i, round))
		if err != nil {
			panic(err) // texts and numbers
		}
		records = append(records, string(record))
	}
	for round := range 6 {
		for i := range payloads {
			add(i, round, round*len(payloads)+i)
		}
	}
	for i := range pathsAskedOnce {
		add(len(payloads)+i, 0, i)
	}
	return records
}

func auditRecord(at time.Time, payload string, i, round int) object {
	blocked := round%4 != 3
	status := 403
	if !blocked {
		status = 200
	}
	path := fmt.Sprintf("/page-%d", i)
	if i >= len(payloads) {
		path = fmt.Sprintf("/once-%d", i)
	}
	request := object{
		"method": "POST", "protocol": "HTTP/1.1", "uri": path + "?q=" + payload, "http_version": "", "body": payload,
		"headers": object{"host": []string{"shop.example"}, "user-agent": []string{payload}, "referer": []string{payload}, "x-request-id": []string{fmt.Sprintf("r-%d-%d", round, i)}},
	}
	message := object{
		"actionset": "OWASP_CRS/4.25.0", "message": "XSS " + payload,
		"data": object{
			"file": "rules.conf", "line": 1, "id": 941100, "msg": "XSS " + payload, "data": "Matched Data: x found within ARGS:q: " + payload,
			"severity": 2, "ver": "OWASP_CRS/4.25.0", "tags": []string{"attack-xss", payload},
		},
	}
	record := object{
		"transaction": object{
			"timestamp": at.UTC().Format("2006/01/02 15:04:05"), "unix_timestamp": at.UnixNano(), "id": fmt.Sprintf("t-%d-%d", round, i),
			"client_ip": fmt.Sprintf("203.0.113.%d", 10+i), "client_port": 4711, "host_ip": "192.0.2.10", "host_port": 443, "server_id": "shop",
			"request": request, "response": object{"status": status, "headers": object{}}, "is_interrupted": blocked,
			"producer": object{"connector": payload, "rule_engine": "On", "rulesets": []string{"OWASP_CRS/4.25.0"}},
		},
	}
	if blocked {
		record["messages"] = []object{message}
	}
	return record
}
