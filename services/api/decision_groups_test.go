package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestLabelGroupWithinFilter labels what a list with the same filter shows, and nothing
// that it does not show; the undo takes back just that.
func TestLabelGroupWithinFilter(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fillDecisions(10)
	const filter = "client.ip: 192.0.2.3 or client.ip: 192.0.2.7"
	post := func(act, body string, code int) string {
		t.Helper()
		resp := s.do(http.MethodPost, "/api/v1/decisions:"+act, s.bearer["analyst"], body)
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code {
			t.Fatalf("%s %s: %d, want %d: %s %v", act, body, resp.StatusCode, code, b, err)
		}
		return string(b)
	}
	labelled := func(want string) {
		t.Helper()
		var ids []string
		for _, d := range s.decisions("labelled=only").Decisions {
			ids = append(ids, d.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("labelled: %s; want %s", got, want)
		}
	}
	// The decision that names the group may be outside.
	if seen := post("labelGroup", `{"like_id":"d/01","label":"benign","preview":true,"filter":"`+filter+`"}`, 200); !strings.Contains(seen, `"n":2,`) || !strings.Contains(seen, `"outside":3`) {
		t.Errorf("preview: %s", seen)
	}
	labelled("")
	var did struct {
		Group struct {
			Act     int64 `json:"act"`
			N       int   `json:"n"`
			Outside int   `json:"outside"`
		} `json:"group"`
	}
	if err := json.Unmarshal([]byte(post("labelGroup", `{"like_id":"d/03","label":"benign","filter":"`+filter+`","from":"now-2h","to":"now"}`, 200)), &did); err != nil {
		t.Fatal(err)
	}
	if did.Group.N != 2 || did.Group.Outside != 3 {
		t.Errorf("labelled %+v", did.Group)
	}
	labelled("d/07 d/03")
	if n := len(s.leaves); n != 1 || s.leaves[0].Detail["filter"] != filter {
		t.Errorf("leaves: %+v", s.leaves)
	}
	post("undoLabels", `{"act":1}`, 200)
	labelled("")
	post("labelGroup", `{"like_id":"d/03","label":"benign","filter":"`+filter+`","from":"now-2h","to":"now-90m"}`, 200)
	labelled("")
	post("labelGroup", `{"like_id":"d/03","label":"benign","filter":"a | limit 3"}`, 400)
	post("labelGroup", `{"like_id":"d/03","label":"benign","filter":"a: ("}`, 400)
}
