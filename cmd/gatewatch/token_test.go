package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokenRow(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	f := func(expires time.Time, wantExpires, wantMark string) {
		t.Helper()
		k := tokenJSON{ID: "4f2a", Kind: "TOKEN_KIND_ROLE", Name: "ann", Role: "viewer", Created: now.Add(-time.Hour), Expires: expires}
		var got []string
		for _, v := range k.row(now) {
			got = append(got, plain(v))
		}
		want := []string{"4f2a", "role", "ann", "viewer", "2026-11-21T07:00:00Z", wantExpires, wantMark}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	f(time.Time{}, "", "")
	f(now.Add(time.Second), "2026-11-21T08:00:01Z", "")
	f(now, "2026-11-21T08:00:00Z", "expired")
}
