package waf

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAcceleratedResponses compares what is found in responses.
func TestAcceleratedResponses(t *testing.T) {
	bodies := []string{
		"", "plain words", "<html><title>Index of /files</title><h1>Index of /files</h1> Last modified</html>",
		"You have an error in your SQL syntax; check the manual", "ORA-00942: table or view does not exist",
		"Warning: mysql_connect(): Access denied in /var/www/a.php on line 3", "<b>Parse error</b>: syntax error in <b>/a.php</b>",
		"<?php echo system($_GET['c']); ?>", "<% Response.Write(1) %>", "java.lang.NullPointerException at a.b.C",
		"<title>r57 shell</title>", "[Microsoft][ODBC SQL Server Driver] Unclosed quotation mark", "#!/usr/bin/perl\nprint 1;\xff\x00",
	}
	for paranoia := 1; paranoia <= MaxParanoia; paranoia++ {
		s := CorpusSettings()
		s.Paranoia, s.InspectResponses = paranoia, true
		p := compilePair(t, s)
		found := 0
		for _, body := range bodies {
			for _, status := range []int{200, 503} {
				got, _ := responseRules(t, p.fast, status, body)
				want, leaks := responseRules(t, p.plain, status, body)
				if got != want {
					t.Errorf("paranoia %d, %q with %d: %s, want %s", paranoia, body, status, got, want)
				}
				if leaks && status == 200 {
					found++
				}
			}
		}
		if found < 6 || found > len(bodies)-2 {
			t.Errorf("paranoia %d: something is found in %d of %d bodies", paranoia, found, len(bodies))
		}
	}
}

// responseRules are all rules that match a response, and whether it would be blocked
// or scores.
func responseRules(t *testing.T, e *Engine, status int, body string) (rules string, leaks bool) {
	t.Helper()
	v := e.begin("r", time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	err := v.guarded(func() error {
		if err := v.corpus(benchRequest("GET", "/", "", "")); err != nil {
			return err
		}
		if err := v.responseHeaders(status, "HTTP/1.1", http.Header{"Content-Type": {"text/html"}}); err != nil {
			return err
		}
		if err := v.fillResponse(strings.NewReader(body)); err != nil {
			return err
		}
		return v.responseBody()
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range v.tx.MatchedRules() {
		all = append(all, fmt.Sprintf("%d×%d", m.Rule().ID(), len(m.MatchedDatas())))
	}
	slices.Sort(all)
	d := v.decide()
	return fmt.Sprint(v.interruption() != nil, d.Outbound, all), d.Outbound > 0
}
