package event

import "testing"

// A shared event is the same, and changing it leaves the other as it is.
func TestShare(t *testing.T) {
	var o, e Event
	o.ID, o.Time, o.Raw = "1", 5, []byte("raw")
	o.AddText(Message, "one")
	o.AddInt(EventSequence, 1)
	want := string(o.AppendJSON(nil))
	for range 20 {
		e.AddText(UserName, "before")
	}
	e.Share(&o)
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("shared: %s, want %s", got, want)
	}
	e.Set(Message, String("changed"))
	e.AddText(UserName, "added")
	e.Copy([]byte("more"))
	if got := string(o.AppendJSON(nil)); got != want {
		t.Errorf("the other is changed: %s, want %s", got, want)
	}
	e.Reset()
	e.Share(&o)
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("shared again: %s, want %s", got, want)
	}
}
