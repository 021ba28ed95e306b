package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tuner goes the way of an operator whose editors are blocked: label, propose,
// apply, look.
type tuner struct {
	bin    string
	server *server
	*traffic
}

// texts are what the editors of the blog save. CRS takes all of them for attacks.
func texts() (all []step) {
	v := step{client: editor, agent: agents[2]}
	for i, html := range []string{
		`<h2>News</h2><p style="color:#333">Our <a href="https://shop.example/item/7" onclick="track('news')">new lamp</a> is here.</p><iframe src="https://video.example/embed/9"></iframe>`,
		`<p>See it move: <iframe src="https://video.example/embed/12"></iframe></p><script src="/static/menu.js"></script>`,
		`<h2>Sale</h2><img src="/static/lamp.jpg" onerror="this.hidden=true"><a href="javascript:history.back()">back</a>`,
		`<p onclick="track('old')">Old lamps</p><object data="/static/guide.pdf"></object><script>menu()</script>`,
	} {
		all = append(all, form(v, "/blog/save", "title", "A new lamp "+strconv.Itoa(i), "html", html))
	}
	return all
}

// save sends all texts and returns the requests that the node blocked.
func (t *tuner) save(ctx context.Context) (blocked []string, sent int, err error) {
	for _, s := range texts() {
		request, status, err := t.send(ctx, s)
		if err != nil {
			return blocked, sent, err
		}
		sent++
		if status == 403 {
			blocked = append(blocked, request)
		}
	}
	return blocked, sent, nil
}

// errNothing says that there is nothing to mend.
var errNothing = errors.New("the exclusion of an earlier run is still in use: remove the folder of the demonstration to begin anew")

// run mends the wrong blocks of the editors and tells of it.
func (t *tuner) run(ctx context.Context) error {
	blocked, sent, err := t.save(ctx)
	if err != nil {
		return err
	}
	if len(blocked) == 0 {
		return errNothing
	}
	fmt.Printf("tuning: %d of %d texts that the blog's editors saved were blocked\n", len(blocked), sent)
	for _, id := range blocked {
		event, err := t.kept(ctx, id)
		if err != nil {
			return err
		}
		if _, err := t.command(ctx, "waf", "label", event, "false_positive", "--alike", "--even-sure", "--reason", "a text of our editors"); err != nil {
			return err
		}
	}
	out, err := t.command(ctx, "waf", "tune", "--server", t.server.http, "--filter", "waf.site: shop and url.path: /blog/save", "-o", "ndjson")
	if err != nil {
		return err
	}
	first, _, _ := bytes.Cut(out, []byte("\n"))
	var p struct {
		ID        int64
		Site      string
		Path      string
		Unblocks  []string
		Released  []string
		GuardLost []string `json:"guard_lost"`
		Evidence  []struct{ Name, Detail string }
	}
	if err := json.Unmarshal(first, &p); err != nil {
		return fmt.Errorf("no proposal: %w", err)
	}
	fmt.Printf("  proposal %d: %s\n  replayed: %d blocked requests pass, %d suspected attacks and %d of the guard would pass\n",
		p.ID, p.Evidence[0].Detail, len(p.Unblocks), len(p.Released), len(p.GuardLost))
	id := strconv.FormatInt(p.ID, 10)
	// The verdict may be sure that these texts are attacks; such a proposal has to be tried out.
	if _, err := t.command(ctx, "waf", "tune", "apply", id, "--stage", "canary", "--expires", "now+90d", "--reason", "texts of our editors"); err != nil {
		return err
	}
	applied, err := t.command(ctx, "waf", "tune", "apply", id, "--stage", "all", "--reason", "texts of our editors")
	if err != nil {
		return err
	}
	fmt.Printf("  %s", applied)
	return t.after(ctx, len(blocked), sent)
}

// after waits until the node uses the bundle, and compares.
func (t *tuner) after(ctx context.Context, before, sent int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		left, _, err := t.save(ctx)
		if err != nil {
			return err
		}
		if len(left) < before {
			if left, _, err = t.save(ctx); err != nil { // the bundle may have come between two texts
				return err
			}
			_, status, err := t.attackOnce(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("  false positives among the editors' texts: %d %% before, %d %% after; the attack from above is still answered %d\n",
				100*before/sent, 100*len(left)/sent, status)
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// kept waits until the decision about a request and its copy can be found, and
// returns the id of the decision.
func (t *tuner) kept(ctx context.Context, request string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	filter := fmt.Sprintf("http.request.id: %q", request)
	for {
		copies, err := t.command(ctx, "waf", "requests", "list", filter, "-o", "ndjson")
		if err != nil {
			return "", err
		}
		decisions, err := t.command(ctx, "waf", "decisions", filter, "-o", "ndjson")
		if err != nil {
			return "", err
		}
		var d struct{ ID string }
		if len(copies) > 0 && json.Unmarshal(bytes.TrimSpace(decisions), &d) == nil && d.ID != "" {
			return d.ID, nil
		}
		if err := pause(ctx); err != nil {
			return "", err
		}
	}
}

// pause waits a moment.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}

// command runs gatewatch against the server.
func (t *tuner) command(ctx context.Context, args ...string) ([]byte, error) {
	return t.server.command(ctx, t.bin, args...)
}

// command runs gatewatch against the server.
func (s *server) command(ctx context.Context, bin string, args ...string) ([]byte, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "gatewatch"), args...)
	cmd.Env = append(os.Environ(), "GATEWATCH_SERVER="+s.http, "GATEWATCH_TOKEN="+s.token)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gatewatch %s: %w: %s", args[0]+" "+args[1], err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}

// enrol returns the environment of a node that the server may give rules to: a token
// of its own, kept in a file, and the server's key.
func (s *server) enrol(ctx context.Context, bin, dir string) ([]string, error) {
	file := filepath.Join(dir, "node.token")
	if _, err := os.Stat(file); err != nil {
		token, err := s.command(ctx, bin, "token", "create", "--node", "edge-1")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, token, 0o600); err != nil {
			return nil, err
		}
	}
	key, err := s.command(ctx, bin, "waf", "bundle", "key")
	if err != nil {
		return nil, err
	}
	return []string{"GATEWATCH_WAF_SERVER_TOKEN_FILE=" + file, "GATEWATCH_WAF_BUNDLES_TRUSTED_KEYS=" + strings.TrimSpace(string(key))}, nil
}
