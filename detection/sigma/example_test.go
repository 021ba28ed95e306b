package sigma_test

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

const rule = `title: SQL injection in a query
id: 5f2a7a8c-0000-4000-8000-000000000001
level: high
author: A. Uthor
logsource: {category: webserver}
detection:
  words:
    cs-uri-query|contains: ['union select', 'information_schema']
  failed:
    sc-status: 404
  condition: words and not failed
`

func newEvent(query string, status int64) *event.Event {
	e := new(event.Event)
	e.AddText(event.Intern("cs-uri-query"), query)
	e.AddInt(event.Intern("sc-status"), status)
	return e
}

func Example() {
	set := new(sigma.Set)
	set.Add(sigma.Parse("sql.yml", []byte(rule)))
	engine, rejected := sigma.Compile(set.Rules, sigma.Options{Fields: true})
	for _, err := range append(set.Errors, rejected...) {
		fmt.Println(err)
	}
	matcher := engine.NewMatcher() // one for each goroutine
	for _, m := range matcher.Match(nil, newEvent("id=1 UNION SELECT 2", 200)) {
		fmt.Println(m.Rule.Level, m.Rule.Title, "by", m.Rule.Author)
		for _, f := range m.Fields {
			fmt.Printf("%s: %s has %q by %q\n", f.Detection.Name, f.Field, f.Value, f.Item.Values[f.Pattern].Text)
		}
	}
	// Output:
	// high SQL injection in a query by A. Uthor
	// words: cs-uri-query has "id=1 UNION SELECT 2" by "union select"
}

func ExampleReference_Explain() {
	r := sigma.Parse("sql.yml", []byte(rule)).Documents[0].Rule
	reference, err := sigma.NewReference(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range []*event.Event{newEvent("id=1 UNION SELECT 2", 404), newEvent("id=1", 200)} {
		x := reference.Explain(e)
		fmt.Println("matched:", x.Matched)
		for _, why := range x.Reasons {
			fmt.Printf("line %d, %s: holds is %v and should be %v; the event has %v\n",
				why.Item.Pos.Line, why.Detection.Name, why.Holds, why.Wanted, why.Present)
		}
	}
	// Output:
	// matched: false
	// line 10, failed: holds is true and should be false; the event has [404]
	// matched: false
	// line 8, words: holds is false and should be true; the event has [id=1]
}
