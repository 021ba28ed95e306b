package waf

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestReloadUnderLoad changes the mode again and again while requests run: none
// fails, each is answered by one of the two configurations.
func TestReloadUnderLoad(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	n := startNode(t, c)
	var stop atomic.Bool
	var wait sync.WaitGroup
	var served [2]atomic.Int64
	for range 4 {
		wait.Go(func() {
			for !stop.Load() {
				switch resp := request(t, "GET", n.url+"/?q=<script>alert(1)</script>", ""); resp.StatusCode {
				case 403:
					served[0].Add(1)
				case 200:
					served[1].Add(1)
				default:
					t.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	for i := range 6 {
		next := c
		next.Sites = []SiteConfig{c.Sites[0]}
		if i%2 == 0 {
			next.Sites[0].Mode = ModeDetect
		}
		if err := n.Reload(next); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wait.Wait()
	if served[0].Load() == 0 || served[1].Load() == 0 {
		t.Errorf("served by the old and new: %d, %d", served[0].Load(), served[1].Load())
	}
	bad := c
	bad.Sites = nil
	if err := n.Reload(bad); err == nil {
		t.Error("a configuration without sites was taken")
	}
	if resp := request(t, "GET", n.url+"/", ""); resp.StatusCode != 200 {
		t.Errorf("after a bad reload: status %d", resp.StatusCode)
	}
}

// TestWatch reloads for a signal.
func TestWatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waf.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t, echo(t).URL)
	n := startNode(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	signals, loaded := make(chan os.Signal), make(chan struct{}, 16)
	var wait sync.WaitGroup
	wait.Go(func() {
		n.Watch(ctx, file, signals, func() (Config, error) {
			loaded <- struct{}{}
			next := c
			next.Sites = []SiteConfig{c.Sites[0]}
			next.Sites[0].Name = "renamed"
			return next, nil
		})
	})
	signals <- syscall.SIGHUP
	<-loaded
	signals <- syscall.SIGHUP // taken when the first reload is done
	<-loaded
	if name := n.state.Load().sites[0].name; name != "renamed" {
		t.Errorf("site %s", name)
	}
	if err := os.WriteFile(file, []byte("# changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-loaded
	cancel()
	wait.Wait()
}
