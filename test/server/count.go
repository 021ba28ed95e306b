package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// Count asks over REST how many events match since a time; the zero time means
// all that is stored.
func (s *Server) Count(t testing.TB, filter string, from time.Time) int {
	t.Helper()
	ask := map[string]string{"query": filter + " | stats n = count()"}
	if !from.IsZero() {
		ask["from"] = from.UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Addr.HTTP+"/api/v1/aggregate", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Rows   [][]int
		Detail string
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("count %s: %s: %s: %v", filter, res.Status, answer.Detail, err)
	}
	if len(answer.Rows) == 0 {
		return 0
	}
	return answer.Rows[0][0]
}
