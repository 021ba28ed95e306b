package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLook: what is told of sealed files and of rings without the master key.
func TestLook(t *testing.T) {
	r := testRing(t)
	k := testKey(t, r)
	sealed := sealFile(t, k, []byte("content"))
	f := func(what string, at int, wantID, wantWhole bool) {
		t.Helper()
		b := bytes.Clone(sealed)
		if at >= 0 {
			b[at] ^= 1
		}
		id, is, err := FileKey(bytes.NewReader(b))
		if !is || (err == nil) != wantID || wantID && id != k.ID || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: key %s, sealed %v, %v", what, id, is, err)
		}
		if err := VerifyHead(bytes.NewReader(b)); (err == nil) != wantWhole || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("whole", -1, true, true)
	f("first head", 30, true, false)
	f("second head", fileHead+30, true, false)
	f("content", 2*fileHead, true, true)
	copy(sealed[fileHead+40:], "xxxx")
	f("both heads", 30, false, false)
	copy(sealed[fileHead:], sealFile(t, k, nil)[:fileHead])
	f("heads of two files", -1, true, false)
	if _, is, err := FileKey(bytes.NewReader([]byte("plain"))); is || err != nil {
		t.Errorf("plain file: %v, %v", is, err)
	}

	second, err := r.Current("other", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := RingIDs(r.path)
	if diff := cmp.Diff([]ID{k.ID, second.ID}, ids); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	bad := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(bad, []byte(`{"version":1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := RingIDs(bad); err == nil {
		t.Error("a damaged ring was read")
	}
	if _, err := RingIDs(bad + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
