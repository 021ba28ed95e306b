package parse_test

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
)

func ExampleFormat_Read() {
	trusted, _ := parse.NewTrusted([]string{"10.0.0.0/8"})
	c := &parse.Context{Trusted: trusted}
	f, _ := parse.Lookup("nginx.access")
	var e event.Event
	err := f.Read([]byte(`10.0.0.2 - - [21/Nov/2026:09:30:00 +0100] "GET /a%2Fb HTTP/1.1" 403 162 "-" "curl/8.16.0" "198.51.100.7"`), c, &e)
	fmt.Println(err, e.Get(event.Timestamp))
	fmt.Println(e.Get(event.SourceIP), e.Get(event.ClientIP))
	fmt.Println(e.Get(event.URLPath), e.Get(event.URLPathDecoded), e.Get(event.HTTPResponseStatusCode))
	// Output:
	// <nil> 2026-11-21T08:30:00.000Z
	// 10.0.0.2 198.51.100.7
	// /a%2Fb /a/b 403
}
