// Command demo is what make run starts: a Gatewatch server with its embedded
// store, a WAF node in front of a sample shop, and traffic: people who browse,
// editors whose texts CRS blocks by mistake, scanners, attackers who also try
// the mail server. Everything it shows goes through the real programs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the built programs")
	dir := flag.String("dir", ".run", "folder for the state of the demonstration")
	rate := flag.Float64("rate", 12, "requests per second to the sample site")
	seed := flag.Int64("seed", 1, "seed of the traffic")
	once := flag.Duration("for", 0, "end by itself after this time; 0 runs until Ctrl-C")
	flag.Parse()
	if err := run(*once, *bin, *dir, *rate, *seed); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(once time.Duration, bin, dir string, rate float64, seed int64) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if once > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, once)
		defer cancel()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	// The parts outlive the context: they are stopped in order, the senders first.
	server, err := startServer(ctx, bin, data)
	if err != nil {
		return err
	}
	defer server.stop()
	shop, err := startShop()
	if err != nil {
		return err
	}
	defer shop.close()
	env, err := server.enrol(ctx, bin, dir)
	if err != nil {
		return err
	}
	node, err := startNode(ctx, env, bin, dir, shop.url, server.grpc)
	if err != nil {
		return err
	}
	defer node.stop()

	t := newTraffic(node.url, rate, seed, newLogs(server))
	var running sync.WaitGroup
	running.Go(func() { t.run(ctx) })
	defer running.Wait()

	show(ctx, bin, server, node, t)
	fmt.Printf("ready %s\n", server.http)
	if link, err := server.signInLink(ctx, bin); err != nil {
		fmt.Println("sign-in link:", err)
	} else {
		fmt.Printf("sign in once with %s\n", link)
	}
	mend(ctx, bin, server, node, rate, seed)
	select {
	case <-ctx.Done():
		fmt.Println("\nstopping")
		return nil
	case err := <-server.ended:
		return fmt.Errorf("server ended: %w (log: %s)", err, server.log)
	case err := <-node.ended:
		return fmt.Errorf("node ended: %w (log: %s)", err, node.log)
	}
}

// mend shows how wrong blocks are mended.
func mend(ctx context.Context, bin string, s *server, n *node, rate float64, seed int64) {
	t := newTraffic(n.url, rate, seed, newLogs(s))
	t.n = 500_000 // ids of its own
	if err := (&tuner{bin, s, t}).run(ctx); err != nil && ctx.Err() == nil {
		fmt.Println("tuning:", err)
	}
	t.logs.flush()
}

// show attacks the shop once, finds the event, and tells what to try next.
func show(ctx context.Context, bin string, s *server, n *node, t *traffic) {
	fmt.Printf("\nsample shop behind the WAF node: %s\n", n.url)
	id, status, err := t.attackOnce(ctx)
	if err != nil {
		fmt.Println("attack:", err)
		return
	}
	fmt.Printf("one attack:  GET /catalog?id=1' UNION SELECT password FROM users--   → %d from the node\n", status)
	query := fmt.Sprintf("http.request.id: %q", id)
	started := time.Now()
	if out, err := s.findEvent(ctx, bin, query); err != nil {
		fmt.Println("query:", err)
	} else {
		fmt.Printf("found after %d ms:\n%s\n", time.Since(started).Milliseconds(), out)
	}
	env := fmt.Sprintf("export GATEWATCH_SERVER=%s GATEWATCH_TOKEN=$(cat %s)", s.http, filepath.Join(s.data, "admin.token"))
	fmt.Printf(`Try in another terminal:
  %s
  %s/gatewatch query 'waf.decision: block | stats n = count() by rule.id | sort n desc | limit 10'
  %s/gatewatch waf decisions --group -o table                              # the likeliest false positives first: texts of the blog's editors
  %s/gatewatch waf rates --by site,rule -o table                           # how often the WAF is wrong; first it wants labels
  %s/gatewatch query 'client.ip: %s or source.ip: %s | stats n = count() by event.dataset'   # one attacker, all logs
  curl -s -H "Authorization: Bearer $GATEWATCH_TOKEN" $GATEWATCH_SERVER/api/v1/search -d '{"query":"waf.action: block","page_size":3}'

`, env, bin, bin, bin, bin, stuffer, stuffer)
}
