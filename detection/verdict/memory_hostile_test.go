package verdict

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// What is older than what is known of a client neither ends it nor fades it.
func TestOldEventsDoNotClearAClient(t *testing.T) {
	m := shippedModel(t)
	f := func(name string, old func(y *Memory)) {
		t.Helper()
		y := NewMemory(1)
		send(m, y, 10, "1' union select user,password from users-- -", 942100, *from(1, 1, 90_000))
		before := *y.clients.peek(from(1, 1, 0).Client)
		old(y)
		if d := y.clients.peek(from(1, 1, 0).Client); d.Suspicious < before.Suspicious || d.Last != before.Last || d.First != before.First {
			t.Errorf("%s: %+v, before %+v", name, *d, before)
		}
		if v := after(m, y, from(1, 1, 90_012)); !hasEvidence(v, "client before") {
			t.Errorf("%s: %v", name, v.Evidence)
		}
	}
	f("a decision of long ago", func(y *Memory) { send(m, y, 1, "shoes", 0, *from(1, 1, 100)) })
	f("a decision of a minute ago", func(y *Memory) { send(m, y, 1, "shoes", 0, *from(1, 1, 89_940)) })
	f("a finding of long ago", func(y *Memory) { y.Found(from(1, 1, 0).Client, 100e9, "rule") })
}

// Findings of long ago say nothing, and those that come while decisions are late
// make these not too old to be counted.
func TestFindingsHaveTheirOwnTime(t *testing.T) {
	m := shippedModel(t)
	y := NewMemory(1)
	client := from(1, 1, 0).Client
	y.Found(client, 90_000e9, "rule")
	if v := after(m, y, from(1, 1, 89_900)); !hasEvidence(v, "client found") {
		t.Errorf("a finding of now: %v", v.Evidence)
	}
	if v := after(m, y, from(1, 1, 80_000)); hasEvidence(v, "client found") {
		t.Errorf("a finding of much later: %v", v.Evidence)
	}
	if v := after(m, y, from(1, 1, 99_000)); hasEvidence(v, "client found") {
		t.Errorf("a finding of long ago: %v", v.Evidence)
	}
	late := NewMemory(1)
	late.Found(client, 90_000e9, "rule")
	send(m, late, 10, "1' union select user,password from users-- -", 942100, *from(1, 1, 80_000))
	if v := after(m, late, from(1, 1, 80_011)); !hasEvidence(v, "client before") {
		t.Errorf("decisions that come late: %v", v.Evidence)
	}
}

// The clock of a sender that is ahead is not believed.
func TestTimeIsNotLaterThanReception(t *testing.T) {
	e := event.Event{Time: 5000, Received: 3000}
	if c := CircumstancesOf(&e); c.At != 3000 {
		t.Errorf("at %d, want 3000", c.At)
	}
}

// Failures without a size are no sizes.
func TestSizesAreCountedByThemselves(t *testing.T) {
	var a answers
	for range minAnswers {
		a.add(&Circumstances{Status: 500, Bytes: -1})
	}
	a.add(&Circumstances{Status: 200, Bytes: 4000})
	if a.unusual(400_000) {
		t.Error("one answer with a size makes another one unusual")
	}
	for i := range int64(minAnswers) {
		a.add(&Circumstances{Status: 200, Bytes: 4000 + i})
	}
	if want := math.Log2(4015); math.Abs(a.Mean-want) > 0.01 || !a.unusual(400_000) || a.unusual(4020) {
		t.Errorf("mean %f, want about %f: %+v", a.Mean, want, a)
	}
}

// One network cannot push out the pages and parameters that are known, and errors
// make no page known.
func TestOneClientPushesNothingOut(t *testing.T) {
	m := shippedModel(t)
	f := func(name string, status, most int) {
		t.Helper()
		y := NewMemory(1)
		for i := range 2000 {
			in := query("shop.example", "shoes", 0)
			in.Request.URI = fmt.Sprintf("/%s?%s=1", letters(i), letters(i))
			in.Circumstances = from(1, byte(i), 1000+i/100)
			in.Circumstances.Answered, in.Circumstances.Status = true, status
			m.Judge(nil, in, y)
		}
		if n := len(y.pages.slots) + len(y.habits.slots); n > most || most > 0 && n < most/2 {
			t.Errorf("%s: one network made %d keys known, want at most %d", name, n, most)
		}
	}
	f("pages that are there", 200, maxNovel+10)
	f("pages that are not there", 404, 0)
}

// letters spells a number without digits, which are alike in paths.
func letters(n int) string {
	b := []byte{}
	for n += 26; n > 0; n /= 26 {
		b = append(b, byte('a'+n%26))
	}
	return string(b)
}

// What somebody sends again to where it was blocked is no suspicion, and another
// parameter is.
func TestBlocksOfOneKindAreNoSuspicion(t *testing.T) {
	m := shippedModel(t)
	y := NewMemory(1)
	send(m, y, 10, "1' union select user,password from users-- -", 942100, *from(1, 1, 900))
	f := func(parameter string, rule int, want bool) {
		t.Helper()
		in := query("shop.example", doubtful, rule)
		in.Matches[0].Variable, in.Circumstances = "ARGS:"+parameter, from(1, 1, 911)
		var known circumstantial
		known.before(y.clients.peek(in.Circumstances.Client), in.Circumstances.At, y.kindsOf(nil, &in))
		got := false
		for _, p := range known.pieces {
			got = got || p.Name == "client before" && p.Weight > 0
		}
		if got != want {
			t.Errorf("rule %d in %s: suspected %v, want %v: %v", rule, parameter, got, want, known.pieces)
		}
	}
	f("q", 942100, false)
	f("q", 942130, true)
	f("id", 942100, true)
}

// A sign-in that the client claims is none that is proven, whoever gave out the
// session.
func TestClaimedSignIn(t *testing.T) {
	f := func(s Circumstances, want float64) {
		t.Helper()
		var known circumstantial
		known.session(&s)
		if len(known.pieces) != 1 || known.pieces[0].Weight != want {
			t.Errorf("%+v: %v, want %v", s, known.pieces, want)
		}
	}
	f(Circumstances{Session: SessionIssued, SignedIn: true}, -0.3)
	f(Circumstances{Session: SessionIssued, SignedIn: true, Proven: true}, -0.7)
	f(Circumstances{Session: SessionClaimed, SignedIn: true}, -0.3)
	m := shippedModel(t)
	for _, proven := range []bool{false, true} {
		y := NewMemory(1)
		s := from(1, 1, 1)
		s.Session, s.SignedIn, s.Proven, s.Answered, s.Status = SessionIssued, true, proven, true, 200
		send(m, y, 1, doubtful, 0, *s)
		known := 0
		for _, h := range y.habits.list() {
			for _, n := range h.Value.Networks {
				if n.Known != missing {
					known++
				}
			}
		}
		if proven != (known > 0) {
			t.Errorf("proven %v: %d networks are known to have people signed in", proven, known)
		}
	}
}

// A verdict that circumstances coloured marks no client.
func TestSuspiciousContent(t *testing.T) {
	f := func(p float64, want bool, evidence ...string) {
		t.Helper()
		var e event.Event
		e.Add(event.VerdictPAttack, event.Float(p))
		for _, line := range evidence {
			e.AddList(event.VerdictEvidence, event.String(line))
		}
		if got := SuspiciousContent(&e); got != want {
			t.Errorf("%v with %q: %v", p, evidence, got)
		}
	}
	f(0.6, true)
	f(0.6, true, "client data|1.00|x")
	f(0.6, false, "client before|0.60|x")
	f(0.6, false, "content|2.00|x", "retry|0.30|x", "client's rules|0.30|x")
	f(0.4, true, "session|-0.70|x")
	f(0.4, false)
	f(1, true)
	f(0, false)
}

// A snapshot without a seed brings no hashes that anybody can choose.
func TestSeedOfASnapshot(t *testing.T) {
	m := shippedModel(t)
	old := NewMemory(0)
	s := from(1, 1, 1)
	s.Answered, s.Status = true, 200
	send(m, old, 3, "shoes", 0, *s)
	b, err := old.Snapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	y := NewMemory(7)
	if err := y.Restore(b); err != nil {
		t.Fatal(err)
	}
	if y.seed != 7 || len(y.habits.slots)+len(y.pages.slots) != 0 || y.clients.peek(netip.MustParseAddr("203.0.1.1")) == nil {
		t.Errorf("seed %d, %d parameters, %d pages, %d clients", y.seed, len(y.habits.slots), len(y.pages.slots), len(y.clients.slots))
	}
	if len(old.pages.slots) == 0 {
		t.Error("nothing was learned")
	}
}
