package console

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/test/server"
)

// stocked starts a server with something on every screen: hostile decisions, a finding,
// and proposals with all that may speak for and against them.
func stocked(t *testing.T) *server.Server {
	t.Helper()
	dir := t.TempDir()
	propose(t, dir)
	s := server.Start(t, dir)
	now := time.Now()
	n := send(t, s, "coraza.audit", hostileRecords(now))
	send(t, s, "sshd", guessedPasswords(now))
	server.Poll(t, server.Patience, "all decisions are listed", func() bool { return decisions(t, s) == n })
	server.Poll(t, server.Patience, "a finding is listed", func() bool {
		var answer struct{ Alerts []struct{} }
		call(t, s, "GET", "/api/v1/alerts", nil, &answer)
		return len(answer.Alerts) > 0
	})
	return s
}

// guessedPasswords are as many refusals as make a finding.
func guessedPasswords(now time.Time) []string {
	var records []string
	for i := range 12 {
		at := now.Add(time.Duration(i-20) * 10 * time.Second).UTC()
		records = append(records, fmt.Sprintf("%s bastion sshd[811]: Failed password for root from 203.0.113.5 port 4711 ssh2", at.Format(time.RFC3339)))
	}
	return records
}

// propose keeps proposals in the folder of a server that has not started.
func propose(t *testing.T, dir string) {
	t.Helper()
	db, err := state.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	evidence := []verdict.Evidence{
		{Name: "change", Detail: "rule 941100 no longer looks at ARGS:q; rule 942100 is off on /page-1 of shop, while the query has no unusual characters"},
		{Name: "unblocked", Weight: 3, Detail: "3 requests taken for false positives pass; with the proposals before it 3 of 12"},
		{Name: "released", Weight: -1, Detail: "1 of 4 blocked requests at this place that are taken for attacks pass"},
		{Name: "guard", Weight: -2, Detail: "2 of 9 attacks of the guard at this place pass; the guard has 1824 blocked attacks in all"},
		{Name: "narrowness", Weight: 0.5, Detail: "1 variables that a rule no longer looks at, 1 rules that are off, on one path"},
		{Name: "question", Detail: "asked for with suspect 0.8 and guard_loss 0.01"},
		{Name: "disputed", Weight: -1, Detail: `1 of the requests taken for false positives the verdict takes for sure attacks; labelled by administrator "lin-an"`},
		{Name: "ended", Detail: "the trial of these proposals ended with it: proposal-9010, proposal-9011"},
	}
	var rows []state.Proposal
	for i, path := range payloads {
		content := proposals.Content{Rules: []int{941100, 942100}, Unblocks: []string{"a", "b", "c"}, Released: []string{"d"}, Disputed: []string{"a"}, Evidence: evidence}
		if i%3 == 2 {
			content.Guard = []string{"e", "f"}
		}
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		p := state.Proposal{Kind: proposals.Exclusion}
		p.ID, p.Name, p.Site, p.Path, p.Content = int64(9_500_000+i), fmt.Sprintf("%064d", i), "shop", "/page-1/"+path, string(text)
		p.Directive = "SecRule REQUEST_URI \"@streq /page-1\" \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=941100;ARGS:q\""
		p.Owner, p.Reason = `administrator "lin-an"`, path
		rows = append(rows, p)
	}
	if err := db.AddProposals(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < len(rows); i += 3 {
		rows[i].Status = state.Retired
		if err := db.UpdateProposal(t.Context(), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
}
