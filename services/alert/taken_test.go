package alert

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/gatewatch/gatewatch/services/state"
)

// TestTakenOnce posts a message once that was taken while the state could not be
// written, such as on a full disk.
func TestTakenOnce(t *testing.T) {
	got := 0
	_, c := served(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got++
	})
	dir := t.TempDir()
	d := openState(t, dir)
	n := openNotifier(t, c, d, io.Discard)
	if err := n.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, state.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(text string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TRIGGER full BEFORE UPDATE ON notices WHEN NEW.status = 'delivered' BEGIN SELECT RAISE(ABORT, 'no room'); END")
	find(t, d, "r-1", 70, "one")
	for range 3 {
		if err := n.step(t.Context()); err == nil {
			t.Fatal("no error while the state cannot be written")
		}
	}
	run("DROP TRIGGER full")
	for range 2 {
		if err := n.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	status, err := n.Status(t.Context())
	if err != nil || got != 1 || status.Delivered != 1 || status.Pending != 0 {
		t.Errorf("taken %d times; status %+v, %v", got, status, err)
	}
}
