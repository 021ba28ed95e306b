package alert

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// Types of messages.
const (
	typeFinding = "finding.created"
	typeDigest  = "finding.digest"
	typeTest    = "test"
)

// message is the body of a post, in the form of the specification's "Payload
// structure".
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the finding or digest, not of the try
	Data      any       `json:"data"`
}

// findingData is the data of a finding. Its texts may be written by an attacker.
type findingData struct {
	ID       string    `json:"id"`
	RuleID   string    `json:"rule_id"`
	RuleName string    `json:"rule_name"`
	Severity int64     `json:"severity"`
	Dataset  string    `json:"dataset,omitempty"`
	Source   string    `json:"source,omitempty"`
	SourceIP string    `json:"source_ip,omitempty"`
	User     string    `json:"user_name,omitempty"`
	Host     string    `json:"host_name,omitempty"`
	Domain   string    `json:"url_domain,omitempty"`
	Path     string    `json:"url_path,omitempty"`
	EventIDs []string  `json:"event_ids"`
	Events   int       `json:"events"` // all, also those that are left out
	Time     time.Time `json:"event_time"`
}

// digestData is the data of a digest.
type digestData struct {
	Findings    int64        `json:"findings"`
	Undelivered int64        `json:"undelivered"` // of these, whose own message did not arrive in time
	First       time.Time    `json:"first"`
	Last        time.Time    `json:"last"`
	Rules       []digestRule `json:"rules"`
	MoreRules   int          `json:"more_rules"` // that are left out
}

type digestRule struct {
	RuleID   string    `json:"rule_id"`
	RuleName string    `json:"rule_name"`
	Findings int64     `json:"findings"`
	Severity int64     `json:"severity"` // the highest
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// Bounds of what a message lists.
const (
	maxEventIDs = 20
	maxRules    = 50
)

// findingMessage makes the message of an alert. Its id follows from that of the
// alert, so that the same finding is the same message whatever was restored.
func findingMessage(a state.Alert) (id, content string, err error) {
	sum := sha256.Sum256([]byte(a.ID))
	text, err := json.Marshal(message{typeFinding, a.Found.UTC(), findingData{
		ID: a.ID, RuleID: a.RuleID, RuleName: a.RuleName, Severity: a.Severity, Dataset: a.Dataset, Source: a.Source, SourceIP: a.SourceIP,
		User: a.User, Host: a.Host, Domain: a.Domain, Path: a.Path, EventIDs: a.EventIDs[:min(len(a.EventIDs), maxEventIDs)],
		Events: len(a.EventIDs), Time: a.Time.UTC(),
	}})
	return "msg_" + hex.EncodeToString(sum[:16]), string(text), err
}

// digestMessage makes the message of what is held, which is not empty.
func digestMessage(now time.Time, held []state.HeldRule) (id, content string, err error) {
	d := digestData{First: held[0].First.UTC(), Last: held[0].Last.UTC(), Rules: []digestRule{}, MoreRules: max(0, len(held)-maxRules)}
	for i, h := range held {
		d.Findings, d.Undelivered = d.Findings+h.Count, d.Undelivered+h.Undelivered
		if h.First.Before(d.First) {
			d.First = h.First.UTC()
		}
		if h.Last.After(d.Last) {
			d.Last = h.Last.UTC()
		}
		if i < maxRules {
			d.Rules = append(d.Rules, digestRule{h.RuleID, h.RuleName, h.Count, h.Severity, h.First.UTC(), h.Last.UTC()})
		}
	}
	text, err := json.Marshal(message{typeDigest, now.UTC(), d})
	return newID(), string(text), err
}

// newID makes an id that no other message has.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "msg_" + hex.EncodeToString(b[:])
}

// testMessage makes the body of a test.
func testMessage(now time.Time) []byte {
	text, err := json.Marshal(message{typeTest, now.UTC(), struct {
		Text string `json:"text"`
	}{"This is a test of Gatewatch's notifications."}})
	if err != nil {
		panic(err) // it is made of constants
	}
	return text
}
