package verdict

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestFromEvent(t *testing.T) {
	var e event.Event
	if _, ok := FromEvent(&e); ok {
		t.Error("an empty event is a decision")
	}
	line := `{"waf.decision":"block","waf.anomaly_score":10,"waf.site":"shop","url.path":"/list","url.query":"q=1","http.request.method":"GET",` +
		`"user_agent.original":"curl/8","rule.id":["942100","941100"],"waf.match.rule_id":["942100","941100"],"waf.match.variable":["ARGS:q","ARGS:q"],"waf.match.value":["x","y"]}`
	if err := e.UnmarshalJSON([]byte(line)); err != nil {
		t.Fatal(err)
	}
	in, ok := FromEvent(&e)
	if !ok {
		t.Fatal("no decision")
	}
	want := Input{
		Partial: true, Block: true, Score: 10, Rules: []int{942100, 941100},
		Matches: []Match{{942100, "ARGS:q", "x"}, {941100, "ARGS:q", "y"}},
		Request: &Request{Site: "shop", Method: "GET", URI: "/list?q=1", Proto: "HTTP/1.1", Body: []byte{}, Headers: [][2]string{{"User-Agent", "curl/8"}}},
	}
	if diff := cmp.Diff(want, in, cmp.AllowUnexported(Input{})); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
}
