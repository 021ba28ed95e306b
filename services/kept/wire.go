package kept

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// MaxRecord bounds the record of a copy in bytes.
const MaxRecord = 4 << 20

// wire is a copy on its way: from the node with the request, in the queue with
// what was sealed.
type wire struct {
	Dataset     string          `json:"event.dataset"` // first: [Is] looks at it
	Time        time.Time       `json:"@timestamp"`
	Kind        string          `json:"event.kind,omitempty"`
	ID          string          `json:"http.request.id,omitempty"`
	BodyBytes   int64           `json:"http.request.body.bytes,omitempty"`
	Site        string          `json:"waf.site,omitempty"`
	Node        string          `json:"waf.node,omitempty"`
	Decision    string          `json:"waf.decision,omitempty"`
	Score       int             `json:"waf.anomaly_score"`
	PolicyOnly  bool            `json:"waf.policy_only"`
	Ruleset     string          `json:"waf.ruleset,omitempty"`
	Rules       []string        `json:"rule.id,omitempty"`
	Why         string          `json:"waf.kept,omitempty"`
	Probability float64         `json:"waf.sample_probability,omitempty"`
	Faithful    bool            `json:"waf.replay_faithful"`
	PAttack     *float64        `json:"verdict.p_attack,omitempty"`
	VerdictKind string          `json:"verdict.kind,omitempty"`
	Model       string          `json:"verdict.model,omitempty"`
	Request     json.RawMessage `json:"request,omitempty"`
	Sealed      []byte          `json:"gatewatch.sealed,omitempty"`
	Error       string          `json:"error.message,omitempty"`
}

const (
	decisionBlock = "block"
	decisionAllow = "allow"
)

var mark = []byte(`{"event.dataset":"` + Format + `",`)

// Is tells whether a record of a node is a copy that [Copy.Record] made.
func Is(record []byte) bool { return bytes.HasPrefix(record, mark) }

// Record returns the copy in the form in which a node sends it.
func (c *Copy) Record() ([]byte, error) {
	request, err := c.Request.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode copy of request: %w", err)
	}
	w := wire{
		Dataset: Format, Time: c.Time.UTC(), Kind: "event", ID: c.ID, BodyBytes: c.BodyBytes,
		Site: c.Request.Site, Node: c.Node, Decision: decisionAllow, Score: c.Score, PolicyOnly: c.PolicyOnly, Ruleset: c.Ruleset,
		Why: c.Why, Probability: c.Probability, Faithful: c.Faithful, Request: request,
	}
	if c.Block {
		w.Decision = decisionBlock
	}
	for _, id := range c.Rules {
		w.Rules = append(w.Rules, strconv.Itoa(id))
	}
	if c.Model != "" {
		w.Model, w.VerdictKind, w.PAttack = c.Model, string(c.Kind), &c.PAttack
	}
	return w.encode()
}

func (w *wire) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(w); err != nil {
		return nil, fmt.Errorf("encode copy of request: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// readRecord reads what a node sends. The error says what is wrong with it.
func readRecord(raw []byte) (w wire, err error) {
	if len(raw) > MaxRecord {
		return w, fmt.Errorf("it has %d bytes, more than %d", len(raw), MaxRecord)
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return w, err
	}
	var q verdict.Request
	switch err := verdict.ReadRequest(w.Request, &q); {
	case err != nil:
		return w, err
	case w.Time.IsZero() || w.Time.Year() < 1970 || w.Time.Year() > 2261:
		return w, fmt.Errorf("@timestamp is missing or out of range")
	case w.ID == "" || len(w.ID) > maxID:
		return w, fmt.Errorf("http.request.id is missing or too long")
	case w.Decision != decisionBlock && w.Decision != decisionAllow:
		return w, fmt.Errorf("waf.decision is %.20q, want block or allow", w.Decision)
	case !slices.Contains([]string{Blocked, Suspect, Sampled}, w.Why):
		return w, fmt.Errorf("waf.kept is %.20q, want blocked, suspect or sample", w.Why)
	case !(w.Probability > 0 && w.Probability <= 1):
		return w, fmt.Errorf("waf.sample_probability is %v, want above 0 and at most 1", w.Probability)
	case w.PAttack != nil && !(*w.PAttack >= 0 && *w.PAttack <= 1):
		return w, fmt.Errorf("verdict.p_attack is %v, want 0 to 1", *w.PAttack)
	}
	return w, nil
}

// maxID bounds the id of a request.
const maxID = 256
