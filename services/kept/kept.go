// Package kept is about the requests that WAF nodes keep for replay (DESIGN
// section 8): the form in which a node sends a copy, and how a server seals,
// stores, opens and forgets it.
//
// A node masks credentials and marks whether the copy still gets the same
// decision. The server seals what the client sent under a key of the day before
// the copy reaches the queue; what it is found by (time, site, decision) stays
// readable. When the key goes, the copies of that day are gone wherever they lie.
package kept

import (
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Format is the name of the format of copies, of their event.dataset and of the
// stream that they are stored in.
const Format = "waf.request"

// Fields of the event of a copy besides those of package event.
var (
	Why      = event.Intern("waf.kept")            // one of the reasons below
	Faithful = event.Intern("waf.replay_faithful") // the rules decide the same of the copy
	Sealed   = event.Intern("gatewatch.sealed")    // what was sealed, in base64
)

// Why a copy was kept.
const (
	Blocked = "blocked" // the rules asked to block it
	Suspect = "suspect" // allowed, and likely an attack
	Sampled = "sample"  // allowed, and drawn with Copy.Probability
)

// Copy is a request that was kept for replay, with the decision about it.
type Copy struct {
	// ID is the http.request.id, which the event of the decision has too. Request
	// has it as well.
	ID     string
	Source string // of the event of the decision; set by the server
	Node   string
	Time   time.Time

	Block      bool // the rules asked to block
	Score      int  // inbound anomaly score
	Rules      []int
	PolicyOnly bool
	Ruleset    string // fingerprint of the rules that decided

	Why string
	// Probability is that with which such a request is kept, 1 if always.
	Probability float64
	// Faithful says that the same rules decide the same of the copy: to block or
	// not, by the same rules and score. The decision about another copy says
	// nothing about the request.
	Faithful bool
	// BodyBytes is the size of the body that came. That of Request is smaller if the
	// copy was cut.
	BodyBytes int64

	// Model is that of the verdict of the moment, empty if there was none.
	Model   string
	PAttack float64
	Kind    verdict.Kind

	Request verdict.Request
}
