package verdict_test

import (
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/detection/verdict/synthetic"
)

// TestLogsHaveWiderIntervals rates the same decisions twice with as many labels: as a
// node judges them, with the whole request, and as a log tells of them, without the
// body and most headers.
func TestLogsHaveWiderIntervals(t *testing.T) {
	requests := synthetic.Requests(1500, 11)
	node, log := missedWidth(t, decideAll(t, requests, false)), missedWidth(t, decideAll(t, requests, true))
	t.Logf("intervals of the missed-attack rate are %.3f wide with requests, %.3f with logs", node, log)
	if log < 1.2*node {
		t.Errorf("intervals of logs are %.3f wide, those of nodes %.3f", log, node)
	}
}

// decideAll judges requests, of whose attacks one in five is allowed.
func decideAll(t *testing.T, requests []*verdict.Request, byLog bool) (all []verdict.Decided) {
	t.Helper()
	model, err := verdict.Default()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		in, d := verdict.Input{Request: r}, verdict.Decided{Truth: verdict.Legitimate}
		if byLog {
			in = verdict.Input{Partial: true, Request: &verdict.Request{Site: r.Site, Method: r.Method, URI: r.URI, Proto: r.Proto}}
		}
		if r.Attack {
			d.Truth, d.Blocked = verdict.Attack, i%5 != 0
		}
		if d.Blocked {
			in.Block, in.Score, in.Rules = true, 5, []int{942100}
		}
		d.PAttack = model.Score(nil, in).PAttack
		all = append(all, d)
	}
	return all
}

// missedWidth is the mean width of the interval of the missed-attack rate over some
// campaigns of 200 labels.
func missedWidth(t *testing.T, all []verdict.Decided) (mean float64) {
	t.Helper()
	candidates := make([]verdict.Candidate, len(all))
	missed, attacks := 0.0, 0.0
	for i, d := range all {
		candidates[i] = verdict.Candidate{Blocked: d.Blocked, PAttack: d.PAttack}
		if d.Truth == verdict.Attack {
			attacks++
			if !d.Blocked {
				missed++
			}
		}
	}
	const campaigns = 12
	inside := 0
	for seed := range uint64(campaigns) {
		e := missedBySample(t, all, candidates, seed)
		mean += (e.High - e.Low) / campaigns
		if truth := missed / attacks; truth >= e.Low && truth <= e.High {
			inside++
		}
	}
	if inside < campaigns-2 {
		t.Errorf("the truth is in %d of %d intervals", inside, campaigns)
	}
	return mean
}

func missedBySample(t *testing.T, all []verdict.Decided, candidates []verdict.Candidate, seed uint64) verdict.Estimate {
	t.Helper()
	drawn, err := verdict.Sample(candidates, 200, seed)
	if err != nil {
		t.Fatal(err)
	}
	probability := make([]float64, len(all))
	for _, d := range drawn {
		probability[d.Index] = d.Probability
	}
	var rates verdict.Rates
	for i, d := range all {
		if d.Probability = probability[i]; d.Probability == 0 {
			d.Truth = verdict.Unknown
		}
		if err := rates.Add("log", d); err != nil {
			t.Fatal(err)
		}
	}
	e := rates.Estimates("log")[1]
	if !e.Enough || e.Rate != verdict.Missed {
		t.Fatalf("estimate %+v", e)
	}
	return e
}
