package alert

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// bubble runs a notifier in time that is not real.
func bubble(t *testing.T, c Config, answer func(arrived) int, do func(t *testing.T, d *state.DB, r *receiver, n *Notifier)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := openState(t, dir)
		r := &receiver{t: t, answer: answer}
		n := r.notifier(d, c)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { n.Run(ctx); close(done) }()
		synctest.Wait()
		do(t, d, r, n)
		cancel()
		<-done
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func names(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%d", prefix, i))
	}
	return all
}

// sum counts the findings that messages tell of.
func sum(all []arrived) (singles, inDigests int64, byRule map[string]int) {
	byRule = map[string]int{}
	for _, m := range all {
		if m.kind == typeDigest {
			inDigests += m.findings
			continue
		}
		singles++
		byRule[m.rule]++
	}
	return singles, inDigests, byRule
}

// TestBudget floods the channel: no hour has more messages than it may, a rule no
// more than its part, and each finding is told once, alone or in a digest.
func TestBudget(t *testing.T) {
	c := Config{PerHour: 10, PerRule: 3, Digest: 15 * time.Minute}
	bubble(t, c, nil, func(t *testing.T, d *state.DB, r *receiver, _ *Notifier) {
		const hours = 5
		found := int64(0)
		for i := range hours * 12 { // every five minutes
			find(t, d, "noise", 90, names(fmt.Sprint("n", i), 40)...)
			find(t, d, fmt.Sprint("mild-", i), 50, fmt.Sprint("m", i))
			find(t, d, fmt.Sprint("grave-", i%4), 95, fmt.Sprint("g", i))
			found += 42
			pass(5 * time.Minute)
		}
		pass(time.Hour)
		all := r.all()
		singles, digests, byRule := sum(all)
		if singles+digests != found {
			t.Errorf("%d alone and %d in digests, of %d", singles, digests, found)
		}
		if singles < hours*10 || byRule["noise"] < hours*3-1 {
			t.Errorf("only %d alone, of the noisy rule %d", singles, byRule["noise"])
		}
		for i, m := range all {
			n, rule, mild := 0, 0, 0
			for _, o := range all[i:] {
				if o.kind != typeFinding || o.at.Sub(m.at) >= time.Hour {
					continue
				}
				n++
				if o.rule == m.rule {
					rule++
				}
				if len(o.rule) > 4 && o.rule[:4] == "mild" {
					mild++
				}
			}
			if n > 10 || m.kind == typeFinding && rule > 3 || mild > 5 {
				t.Fatalf("within an hour of %s: %d messages, %d of %s, %d mild", m.at, n, rule, m.rule, mild)
			}
		}
		graves := 0
		for i := range 4 {
			graves += byRule[fmt.Sprint("grave-", i)]
		}
		if graves == 0 {
			t.Error("no grave finding got through the noise")
		}
	})
}

// TestAway has a receiver that is away for hours: what waits then is no more than
// the budget and a digest, and nothing is missing.
func TestAway(t *testing.T) {
	away := true
	tries := 0
	answer := func(arrived) int {
		if tries++; away {
			return http.StatusBadGateway
		}
		return http.StatusOK
	}
	bubble(t, Config{PerHour: 10, PerRule: 10, Digest: time.Minute}, answer, func(t *testing.T, d *state.DB, r *receiver, n *Notifier) {
		for i := range 10 {
			find(t, d, "r", 90, names(fmt.Sprint(i), 10)...)
			pass(time.Hour)
		}
		status, err := n.Status(t.Context())
		if err != nil || status.Pending != 11 || status.Held != 90 || status.LastReason != "receiver answered 502" {
			t.Errorf("while it is away: %+v, %v", status, err)
		}
		if tries > 10*60*2 {
			t.Errorf("%d tries in ten hours", tries)
		}
		r.with(func() { away = false })
		pass(2 * time.Hour)
		singles, digests, _ := sum(r.all())
		if singles != 10 || digests != 90 {
			t.Errorf("%d alone, %d in digests", singles, digests)
		}
	})
}

// TestGiveUp gives up a message that is never taken: it is counted and shown, and
// the next digest tells of its finding. So it is with a digest.
func TestGiveUp(t *testing.T) {
	refuse := true
	answer := func(m arrived) int {
		if refuse {
			return http.StatusBadRequest
		}
		return http.StatusOK
	}
	c := Config{PerHour: 2, Digest: time.Minute, GiveUp: 3 * time.Hour}
	bubble(t, c, answer, func(t *testing.T, d *state.DB, r *receiver, n *Notifier) {
		find(t, d, "r", 90, names("f", 5)...)
		pass(12 * time.Hour)
		status, err := n.Status(t.Context())
		if err != nil || status.NoticeCounts.Dead < 3 || len(status.Dead) < 3 || status.Held != 5 {
			t.Fatalf("status %+v, %v", status, err)
		}
		if status.Dead[len(status.Dead)-1].Reason != "receiver answered 400" || status.Dead[0].Kind != state.NoticeDigest {
			t.Errorf("given up: %+v", status.Dead)
		}
		r.with(func() { refuse = false })
		pass(4 * time.Hour)
		singles, digests, _ := sum(r.all())
		if singles != 0 || digests != 5 {
			t.Errorf("%d alone, %d in digests", singles, digests)
		}
		last := r.all()[len(r.all())-1]
		if last.lost != 2 {
			t.Errorf("%d findings are said to have been undelivered", last.lost)
		}
	})
}

// TestGiveUpInTime gives up all messages to a dead receiver when their time is over, not
// each at a last try of its own, of which there is one in a minute.
func TestGiveUpInTime(t *testing.T) {
	away := func(arrived) int { return http.StatusServiceUnavailable }
	c := Config{PerHour: 40, PerRule: 40, Digest: 24 * time.Hour, GiveUp: 3 * time.Hour}
	bubble(t, c, away, func(t *testing.T, d *state.DB, _ *receiver, n *Notifier) {
		find(t, d, "r", 90, names("f", 40)...)
		want := func(dead int64) {
			t.Helper()
			if s, err := n.Status(t.Context()); err != nil || s.NoticeCounts.Dead != dead {
				t.Errorf("%d given up, want %d; %v", s.NoticeCounts.Dead, dead, err)
			}
		}
		pass(3*time.Hour - time.Minute)
		want(0)
		pass(2 * time.Minute)
		want(40)
	})
}

// TestPoisonIsGivenUpInTime: so is one that is refused while others are taken.
func TestPoisonIsGivenUpInTime(t *testing.T) {
	answer := func(m arrived) int {
		if m.rule == "poison" {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	}
	bubble(t, Config{GiveUp: 3 * time.Hour}, answer, func(t *testing.T, d *state.DB, _ *receiver, n *Notifier) {
		find(t, d, "poison", 90, "p")
		pass(3*time.Hour - 10*time.Minute)
		find(t, d, "fine", 90, "f") // the last word of the receiver is that it takes
		pass(10*time.Minute + time.Minute)
		if s, err := n.Status(t.Context()); err != nil || s.NoticeCounts.Dead != 1 || s.Delivered != 1 {
			t.Errorf("%+v, %v", s.NoticeCounts, err)
		}
	})
}

// TestOneIsRefused has a receiver that takes all but one message: the others go on.
func TestOneIsRefused(t *testing.T) {
	answer := func(m arrived) int {
		if m.rule == "poison" {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	}
	bubble(t, Config{}, answer, func(t *testing.T, d *state.DB, r *receiver, _ *Notifier) {
		find(t, d, "poison", 90, "p")
		pass(time.Minute)
		for i := range 6 {
			find(t, d, fmt.Sprint("r-", i), 90, fmt.Sprint(i))
		}
		pass(10 * time.Minute)
		if singles, _, _ := sum(r.all()); singles != 6 {
			t.Errorf("%d of 6 were told", singles)
		}
	})
}

// TestOffAndOn tells of no finding that was made while nobody was told.
func TestOffAndOn(t *testing.T) {
	bubble(t, Config{}, nil, func(t *testing.T, d *state.DB, r *receiver, n *Notifier) {
		find(t, d, "r", 90, "a")
		pass(time.Minute)
		on := n.config
		hook := n.hook
		if err := n.Configure(Config{}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		find(t, d, "r", 90, "b")
		pass(time.Minute)
		if err := n.Configure(on); err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		n.hook = hook
		n.mu.Unlock()
		pass(time.Minute)
		find(t, d, "r", 90, "c")
		pass(time.Minute)
		if singles, _, _ := sum(r.all()); singles != 2 {
			t.Errorf("%d of 2 were told", singles)
		}
	})
}
