package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecentIsBounded(t *testing.T) {
	r := newRecent[int, int](3)
	for i := range 10 {
		*r.use(i) = i
		r.use(7) // stays, for it is used all the time
	}
	if r.peek(7) == nil || r.peek(9) == nil || r.peek(0) != nil || len(r.slots) != 3 {
		t.Fatalf("kept %v", r.list())
	}
	again := newRecent[int, int](3)
	again.fill(r.list())
	if diff := cmp.Diff(r.list(), again.list(), cmp.AllowUnexported(kept[int, int]{})); diff != "" {
		t.Errorf("after a snapshot:\n%s", diff)
	}
}

// from is what is known of a request of a client in a network at a second.
func from(network, host byte, second int) *Circumstances {
	return &Circumstances{At: int64(second) * int64(time.Second), Client: netip.AddrFrom4([4]byte{203, 0, network, host})}
}

const doubtful = usualText // neither clearly an attack nor clearly none

// after is the probability of a doubtful request when a memory has seen others.
func after(m *Model, y *Memory, s *Circumstances) Verdict {
	in := query("shop.example", doubtful, 942130)
	in.Circumstances = s
	return m.Judge(nil, in, y)
}

// send tells a memory of n requests of a client, one a second.
func send(m *Model, y *Memory, n int, value string, rule int, s Circumstances) {
	for range n {
		in, at := query("shop.example", value, rule), s
		in.Circumstances = &at
		m.Judge(nil, in, y)
		s.At += int64(time.Second)
	}
}

func TestWhatAClientDidBefore(t *testing.T) {
	m := shippedModel(t)
	alone := after(m, NewMemory(1), from(1, 1, 1000)).PAttack
	y := NewMemory(1)
	send(m, y, 10, "1' union select user,password from users-- -", 942100, *from(1, 1, 900))
	v := after(m, y, from(1, 1, 1000))
	if logit(v.PAttack) < logit(alone)+0.5 || !hasEvidence(v, "client before") {
		t.Errorf("p_attack is %.3f after an attack and %.3f without: %v", v.PAttack, alone, v.Evidence)
	}
	if v := after(m, y, from(2, 1, 1000)); math.Abs(v.PAttack-alone) > 1e-12 {
		t.Errorf("another client is judged by it: %.3f and %.3f", v.PAttack, alone)
	}
	if v := after(m, y, from(1, 1, 3000)); math.Abs(v.PAttack-alone) > 1e-12 {
		t.Errorf("it is held against the client for ever: %.3f and %.3f", v.PAttack, alone)
	}
	in := query("shop.example", "shoes", 0)
	plain := m.Score(nil, in).PAttack
	in.Circumstances = from(1, 1, 1001)
	if v := m.Judge(nil, in, y); v.PAttack > plain+0.02 {
		t.Errorf("a plain request of the client: p_attack %.4f, by itself %.4f", v.PAttack, plain)
	}
}

// Whatever a client does before, it moves the verdict by no more than the bound,
// and excuses no clear attack.
func TestAClientCannotTalkItselfOut(t *testing.T) {
	m := shippedModel(t)
	y := NewMemory(1)
	s := from(1, 1, 0)
	s.Session, s.Proven, s.Retry, s.Answered, s.Status = SessionIssued, true, RetrySame, true, 200
	send(m, y, 900, "shoes", 0, *s)
	for network := range byte(200) { // and many others do what it does
		like := *from(network, 9, 800)
		like.Session, like.Proven, like.Answered, like.Status = SessionIssued, true, true, 200
		send(m, y, 1, doubtful, 0, like)
	}
	s.At = 900 * int64(time.Second)
	in := query("shop.example", doubtful, 942130)
	without := m.Score(nil, in).PAttack
	with := after(m, y, s).PAttack
	if with >= without || logit(with) < logit(without)-maxCalm-1e-9 {
		t.Errorf("p_attack %.4f, without what is known %.4f", with, without)
	}
	attack := query("shop.example", "1' union all select user,password from users where 'a'='a'-- -", 942100)
	attack.Circumstances = s
	if v := m.Judge(nil, attack, y); v.PAttack < 0.5 {
		t.Errorf("p_attack of a clear attack is %.3f: %v", v.PAttack, v.Evidence)
	}
}

// One network, whatever it sends, makes nothing usual, and neither do many of
// which nobody is signed in.
func TestWhatIsUsualOfAParameter(t *testing.T) {
	m := shippedModel(t)
	teach := func(networks int, signedIn bool) float64 {
		y := NewMemory(1)
		for i := range 600 {
			s := from(byte(i%networks), byte(i), i)
			s.Session, s.Proven, s.Answered, s.Status = SessionIssued, signedIn, true, 200
			send(m, y, 1, doubtful, 0, *s)
		}
		for i := range 20 { // others send what is plain
			s := from(byte(200+i), 1, 600)
			s.Answered, s.Status = true, 200
			send(m, y, 1, "shoes", 0, *s)
		}
		return logit(after(m, y, from(250, 1, 10000)).PAttack)
	}
	alone := logit(after(m, NewMemory(1), from(250, 1, 10000)).PAttack)
	if p := teach(1, true); p < alone-1e-9 {
		t.Errorf("one network moved the verdict from %.3f to %.3f", alone, p)
	}
	if p := teach(100, false); p < alone-1e-9 {
		t.Errorf("a hundred networks moved the verdict from %.3f to %.3f", alone, p)
	}
	if p := teach(100, true); p > alone-0.3 || p < alone-maxUsual {
		t.Errorf("what people of a hundred networks send moved the verdict from %.3f to %.3f", alone, p)
	}
}

func TestAnswers(t *testing.T) {
	m := shippedModel(t)
	y := NewMemory(1)
	for i := range 60 {
		s := from(1, byte(i), i)
		s.Answered, s.Status, s.Bytes = true, 200, int64(4000+i%7*100)
		send(m, y, 1, "shoes", 0, *s)
	}
	f := func(status int, size int64, want string) {
		t.Helper()
		s := from(9, 9, 100)
		s.Answered, s.Status, s.Bytes = true, status, size
		in := query("shop.example", doubtful, 0)
		in.Circumstances = s
		if v := m.Judge(nil, in, y); hasEvidence(v, "answer") != (want == "answer") {
			t.Errorf("%d with %d bytes: %v", status, size, v.Evidence)
		}
	}
	f(200, 4200, "")
	f(200, 400_000, "answer")
	f(500, 300, "answer")
	f(404, 300, "answer")
	f(302, 0, "")
}

func TestMemoryIsRestored(t *testing.T) {
	m := shippedModel(t)
	y := NewMemory(7)
	for i := range 150 {
		s := from(byte(i%40), byte(i%3), i)
		s.Answered, s.Status, s.Bytes = true, 200, int64(i)
		send(m, y, 1, fmt.Sprintf("%s %d", doubtful, i), 942130, *s)
	}
	y.Found(netip.MustParseAddr("203.0.1.1"), 300e9, "rule")
	b, err := y.Snapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	again := NewMemory(0)
	if err := again.Restore(b); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s := from(byte(i), 1, 301+i)
		if diff := cmp.Diff(after(m, y, s), after(m, again, s)); diff != "" {
			t.Fatalf("request %d (-kept +restored):\n%s", i, diff)
		}
	}
	if err := again.Restore(b[:len(b)/2]); err == nil {
		t.Error("half a snapshot was taken")
	}
}

// world is a made-up stream of requests. Its content is doubtful, so that
// circumstances have something to say.
type world struct {
	random   *rand.Rand
	cunning  bool // attackers browse before, claim a session and send things again
	anybody  bool // all come from one address
	requests []Input
	attacks  []bool
}

var (
	doubtfulAttacks = []string{"1 or 1 like 1", "../../%d", "{{%d*7}}", "admin'--%d", "|id %d", "<b onclick=%d>", "union select %d", "file:///%d", "$(id)%d", "1 and sleep %d"}
	doubtfulTexts   = []string{
		"select %d of these or don't", "it's 1 or %d, right?", "a <b>bold</b> claim %d", "see ../notes/%d.md", "drop table 7 near the window; order by %d",
		"{{name}} owes %d", "C:\\docs\\%d and D:\\", "if (a > %d) { return; }", "rock 'n' roll -- %d", "union of %d workers, select committee",
	}
	plainTexts = []string{"shoes %d", "blue shirt size %d", "order number %d", "how do I return item %d?"}
)

func (w *world) pick(of []string) string {
	return fmt.Sprintf(of[w.random.IntN(len(of))], w.random.IntN(1000))
}

func (w *world) add(text string, attack bool, s Circumstances, rule int) {
	if w.anybody {
		s.Client = netip.MustParseAddr("198.51.100.1")
	}
	name := "q"
	if attack {
		name = []string{"q", "id", "page", "lang"}[w.random.IntN(4)]
	}
	in := Input{Request: &Request{Site: "shop.example", Method: "GET", URI: "/find?" + name + "=" + url.QueryEscape(text)}, Circumstances: &s}
	if rule != 0 {
		in.Block, in.Score, in.Rules = true, 5, []int{rule}
		in.Matches = []Match{{Rule: rule, Variable: "ARGS:" + name}}
	}
	w.requests, w.attacks = append(w.requests, in), append(w.attacks, attack)
}

// person adds what somebody who uses the site sends.
func (w *world) person(second int) {
	s := *from(byte(w.random.IntN(250)), byte(w.random.IntN(250)), second)
	s.Session, s.Proven, s.Answered, s.Status = SessionIssued, w.random.IntN(2) == 0, true, 200
	for range 8 {
		s.At += int64(time.Second) * int64(w.random.IntN(20))
		if w.random.IntN(4) == 0 {
			w.add(w.pick(doubtfulTexts), false, s, w.random.IntN(2)*942130)
		} else {
			w.add(w.pick(plainTexts), false, s, 0)
		}
	}
	for _, name := range []string{"id", "page", "lang"} {
		in := query("shop.example", w.pick([]string{"%d"}), 0)
		in.Request.URI = "/find?" + name + in.Request.URI[len("/search?q"):]
		in.Circumstances = &s
		w.requests, w.attacks = append(w.requests, in), append(w.attacks, false)
	}
}

// attacker adds what somebody sends who looks for a hole.
func (w *world) attacker(second int) {
	s := *from(byte(w.random.IntN(250)), 251, second)
	s.Session, s.Answered, s.Status = SessionNone, true, 200
	if w.cunning {
		s.Session, s.SignedIn, s.Retry = SessionClaimed, true, RetrySame
		for range 20 {
			s.At += int64(15 * time.Second)
			w.add(w.pick(plainTexts), false, s, 0)
		}
	}
	for range 12 {
		s.At += int64(time.Second)
		w.add(w.pick(doubtfulAttacks), true, s, w.random.IntN(2)*942130)
	}
}

// TestNeverWorseForWhatIsKnown compares the ranking with what is known of clients
// with that by content alone, of wrong blocks and of missed attacks.
func TestNeverWorseForWhatIsKnown(t *testing.T) {
	m := shippedModel(t)
	f := func(name string, w *world) {
		t.Helper()
		w.random = rand.New(rand.NewPCG(1, 2))
		for i := range 150 {
			w.person(30 * i)
			if i%4 == 0 {
				w.attacker(30 * i)
			}
		}
		y := NewMemory(1)
		for _, block := range []bool{true, false} {
			var with, without []Scored
			for i, in := range w.requests {
				alone := in
				alone.Circumstances = nil
				known := m.Judge(nil, in, y)
				if in.Block == block {
					with = append(with, Scored{PAttack: known.PAttack, Attack: w.attacks[i]})
					without = append(without, Scored{PAttack: m.Score(nil, alone).PAttack, Attack: w.attacks[i]})
				}
			}
			score, target := func(s *Scored) float64 { return s.PAttack }, func(s *Scored) bool { return s.Attack }
			if block { // sought are those that were wrong
				score, target = func(s *Scored) float64 { return 1 - s.PAttack }, func(s *Scored) bool { return !s.Attack }
			}
			a, b := Rank(with, score, target), Rank(without, score, target)
			t.Logf("%s, blocked %v: AUC %.3f AP %.3f P@R90 %.3f, by content alone %.3f %.3f %.3f", name, block, a.AUC, a.AP, a.PrecisionAt, b.AUC, b.AP, b.PrecisionAt)
			if a.AUC < b.AUC || a.AP < b.AP || a.PrecisionAt < b.PrecisionAt-0.005 || a.Targets == 0 {
				t.Errorf("%s, blocked %v: worse than by content alone", name, block)
			}
		}
	}
	f("people and scanners", &world{})
	f("scanners that behave before", &world{cunning: true})
	f("all behind one address", &world{anybody: true})
}
