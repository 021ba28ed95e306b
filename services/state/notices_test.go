package state

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// plan makes a notice of every alert, under its id.
var plan = NoticePlan{PerHour: 100, PerRule: 100, Make: func(a Alert) (string, string, error) { return "msg_" + a.ID, "{}", nil }}

// planAll looks at all alerts.
func planAll(t *testing.T, d *DB, p NoticePlan) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = d.PlanNotices(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func counts(t *testing.T, d *DB) NoticeCounts {
	t.Helper()
	c, err := d.CountNotices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, d *DB, ids ...string) {
	t.Helper()
	var all []*event.Event
	for i, id := range ids {
		all = append(all, finding(id, i))
	}
	if err := d.Write(t.Context(), all, d.Applied()+1); err != nil {
		t.Fatal(err)
	}
}

// TestNoticeOnce has findings that come again, after a rewind and after their
// notice was delivered: each is told once.
func TestNoticeOnce(t *testing.T) {
	d := open(t, t.TempDir())
	write(t, d, "before")
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, d, "a", "b", "a")
	planAll(t, d, plan)
	n, err := d.DueNotice(t.Context())
	if err != nil || n.AlertID != "a" || n.RuleID != "r-1" || n.Severity != 70 {
		t.Fatalf("%+v, %v", n, err)
	}
	if err := d.NoticeArrived(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := d.Rewind(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(t.Context(), []*event.Event{finding("a", 0), finding("b", 0), finding("c", 0)}, 9); err != nil {
		t.Fatal(err)
	}
	if err := d.StartNotices(t.Context()); err != nil { // as after the next start
		t.Fatal(err)
	}
	planAll(t, d, plan)
	if c := counts(t, d); c.Delivered != 1 || c.Pending != 2 || !c.LastDelivery.Equal(began) {
		t.Errorf("counts %+v", c)
	}
}

// TestNoticeOfDeleted counts alerts that retention has deleted before anybody was
// told of them.
func TestNoticeOfDeleted(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range planRows + 50 {
		names = append(names, fmt.Sprintf("x%03d", i))
	}
	write(t, d, names...)
	r := NewRetention(d, Config{MaxAlerts: planRows}, nil, nil)
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := plan
	all.PerHour, all.PerRule = 10*planRows, 10*planRows
	planAll(t, d, all)
	if c := counts(t, d); c.Pending != planRows || c.Held != 50 {
		t.Errorf("counts %+v", c)
	}
}

// TestPlanIsWhole keeps nothing of a plan that fails.
func TestPlanIsWhole(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, d, "a", "b")
	broken := errors.New("broken")
	p := plan
	p.Make = func(a Alert) (string, string, error) {
		if a.ID == "b" {
			return "", "", broken
		}
		return a.ID, "{}", nil
	}
	if _, err := d.PlanNotices(t.Context(), p); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if c := counts(t, d); c.Pending != 0 {
		t.Errorf("counts %+v", c)
	}
	planAll(t, d, plan)
	if c := counts(t, d); c.Pending != 2 {
		t.Errorf("counts %+v", c)
	}
}

// TestHeldRules bounds what is held by rule, and adds up what a digest did not tell.
func TestHeldRules(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	none := NoticePlan{Make: plan.Make}
	var all []*event.Event
	for i := range maxHeld + 7 {
		e := finding(fmt.Sprint("x", i), i)
		e.Reset()
		e.ID, e.Source, e.Dataset, e.Time = fmt.Sprint("x", i), "gatewatch", "gatewatch.finding", began.Add(time.Duration(i)*time.Second).UnixNano()
		e.AddText(event.RuleID, fmt.Sprint("r-", i))
		e.AddInt(event.EventSeverity, int64(i%100))
		all = append(all, e)
	}
	if err := d.Write(t.Context(), all, 1); err != nil {
		t.Fatal(err)
	}
	planAll(t, d, none)
	digest := func(id string) (told []HeldRule) {
		t.Helper()
		made, err := d.DigestNotices(t.Context(), 0, func(held []HeldRule) (string, string, error) {
			told = held
			return id, "{}", nil
		})
		if err != nil || made != (told != nil) {
			t.Fatalf("made %v, %v", made, err)
		}
		return told
	}
	first := digest("one")
	if len(first) != maxHeld+1 || counts(t, d).Held != maxHeld+7 {
		t.Fatalf("%d rules, %+v", len(first), counts(t, d))
	}
	if digest("two") != nil {
		t.Error("two digests are under way")
	}
	write(t, d, "late")
	planAll(t, d, none)
	n, err := d.DueNotice(t.Context())
	if err != nil || n.Kind != NoticeDigest {
		t.Fatalf("%+v, %v", n, err)
	}
	n.Tries, n.Reason = 1, "gone"
	if err := d.GiveUpNotice(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	var sum, others int64
	for _, h := range digest("three") {
		sum += h.Count
		if h.RuleID == "" {
			others = h.Count
		}
	}
	if sum != maxHeld+8 || others != 7 {
		t.Errorf("%d findings, %d of other rules", sum, others)
	}
	dead, err := d.Notices(t.Context(), NoticeDead, 10)
	if err != nil || len(dead) != 1 || dead[0].Reason != "gone" || dead[0].Tries != 1 {
		t.Errorf("given up: %+v, %v", dead, err)
	}
}

// TestHeldJoin adds what is held of a rule.
func TestHeldJoin(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, d, "a", "b", "c")
	planAll(t, d, NoticePlan{Make: plan.Make})
	_, err := d.DigestNotices(t.Context(), 0, func(held []HeldRule) (string, string, error) {
		want := []HeldRule{{RuleID: "r-1", RuleName: "Many refused sign-ins", Count: 3, Severity: 70, First: began, Last: began.Add(2 * time.Second)}}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("held differs (-want +got):\n%s", diff)
		}
		return "one", "{}", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
