package verdict

import (
	"math"
	"net/netip"
)

// Circumstances are what is known of a decision besides the request and what the
// rules made of it. The zero value says that nothing is.
type Circumstances struct {
	At       int64      // Unix nanoseconds
	Client   netip.Addr // not valid if it is not known
	Log      string     // the log that tells of the decision, "" for a node
	Session  Session
	SignedIn bool // as the request says, or the application
	Proven   bool // the application has said so
	Retry    Retry
	Retries  int // how often it has been tried since the block

	// The answer, as far as it is the application's own.
	Answered bool
	Status   int   // HTTP status
	Bytes    int64 // of the body, -1 if it is not known
}

// Session says what is known of the session that a request belongs to.
type Session uint8

// What is known of a session. Anybody can claim one; one that is issued was seen
// to be given out by the application.
const (
	SessionUnknown Session = iota // nobody said how to see it
	SessionNone
	SessionClaimed
	SessionIssued
)

// Retry says that the client had the same kind of request blocked shortly before.
type Retry uint8

// What a retry is like.
const (
	NoRetry Retry = iota
	RetrySame
	RetryChanged
)

// Bounds of what all circumstances together may say, in log-odds. What speaks
// for a legitimate request fades where the content is surely an attack
// (certainAttack), and what speaks for an attack where there is nothing to
// suspect in the content: a client's plain requests are no attacks for the
// company of its others.
const (
	maxAlarm      = 2.5
	maxCalm       = 1.5
	nothingAtAll  = -7.0
	somethingThat = -3.0 // can be suspected
)

// circumstantial collects the pieces before they are bounded together.
type circumstantial struct {
	pieces []Evidence
}

func (c *circumstantial) add(name string, weight float64, detail string) {
	if weight != 0 {
		c.pieces = append(c.pieces, Evidence{name, weight, detail})
	}
}

// settle adds the pieces to an account, bounded, and returns their sum. odds are
// those of the content.
func (c *circumstantial) settle(a *account, odds float64) float64 {
	var up, down float64
	for _, p := range c.pieces {
		if p.Weight > 0 {
			up += p.Weight
		} else {
			down -= p.Weight
		}
	}
	alarm := part((odds-nothingAtAll)/(somethingThat-nothingAtAll)) * math.Min(1, maxAlarm/math.Max(up, maxAlarm))
	calm := part((certainAttack-odds)/2) * math.Min(1, maxCalm/math.Max(down, maxCalm))
	sum := 0.0
	for _, p := range c.pieces {
		if p.Weight > 0 {
			p.Weight *= alarm
		} else {
			p.Weight *= calm
		}
		sum += p.Weight
		a.add(p.Name, p.Weight, p.Detail)
	}
	return sum
}

// part is x, at least 0 and at most 1.
func part(x float64) float64 { return math.Max(0, math.Min(1, x)) }

// proven tells of somebody who is signed in for sure.
func (s *Circumstances) proven() bool { return s.Session == SessionIssued && s.Proven }

// session weighs the session. A claim is cheap, so little follows from it.
func (c *circumstantial) session(s *Circumstances) {
	switch {
	case s.proven():
		c.add("session", -0.7, phraseSignedIn.say())
	case s.Session == SessionIssued:
		c.add("session", -0.3, phraseSessionIssued.say())
	case s.SignedIn:
		c.add("session", -0.3, phraseSaysSignedIn.say())
	case s.Session == SessionClaimed:
		c.add("session", -0.1, phraseSaysSession.say())
	}
}

// retry weighs a retry. People send again what was refused; tools try variants.
func (c *circumstantial) retry(s *Circumstances) {
	switch s.Retry {
	case RetrySame:
		c.add("retry", -0.25, phraseRetrySame.say())
	case RetryChanged:
		c.add("retry", 0.4*math.Min(1, float64(s.Retries)/3), phraseRetryChanged.say(s.Retries))
	}
}

// answer weighs the application's answer against those it usually gives there;
// usual may be nil.
func (c *circumstantial) answer(s *Circumstances, usual *answers) {
	if !s.Answered {
		return
	}
	switch {
	case s.Status >= 500 && usual != nil && usual.N >= minAnswers && usual.Failed > 0.1:
	case s.Status >= 500 && usual != nil && usual.N >= minAnswers:
		c.add("answer", 0.6, phraseSeldomFails.say(s.Status))
	case s.Status >= 500:
		c.add("answer", 0.3, phraseFailed.say(s.Status))
	case s.Status == 404:
		c.add("answer", 0.15, phraseNothingThere.say())
	case s.Status < 300 && usual != nil && usual.unusual(s.Bytes):
		c.add("answer", 0.5, phraseUnusualSize.say(s.Bytes, math.Exp2(usual.Mean)-1))
	}
}
