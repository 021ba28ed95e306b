package waf

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"time"
)

// Reload puts a new configuration in place for the requests that begin from
// now on. If it cannot be used, the old one stays and the error says why. What
// needs a restart (listen, tls, server, spool, node) stays as it is and is
// logged. Certificates are read again by themselves.
func (n *Node) Reload(c Config) error {
	n.reloadMu.Lock()
	defer n.reloadMu.Unlock()
	c = c.WithDefaults()
	if err := n.reload(c); err != nil {
		n.metrics.reloads.WithLabelValues("failed").Inc()
		return fmt.Errorf("reload: %w", err)
	}
	n.metrics.reloads.WithLabelValues("ok").Inc()
	return nil
}

func (n *Node) reload(c Config) error {
	if err := c.validate(); err != nil {
		return err
	}
	st, err := buildState(c, n)
	if err != nil {
		return err
	}
	old := n.state.Swap(st)
	old.close()
	for _, changed := range fixedChanges(n.config, c) {
		n.log.Warn("change needs a restart", slog.String("key", changed))
	}
	n.log.Info("configuration reloaded", slog.Int("sites", len(st.sites)), slog.String("ruleset", st.engines[0].fingerprint))
	return nil
}

// fixedChanges names the keys that a reload cannot change.
func fixedChanges(old, new Config) []string {
	var keys []string
	server := func(c Config) []any {
		l := c.Limits
		return []any{l.Connections, l.ClientConnections, l.MaxHeaderBytes, l.HeaderTimeout, l.IdleTimeout, l.ShutdownTimeout}
	}
	balancers := func(c Config) any {
		if c.ProxyProtocol {
			return c.TrustedProxies
		}
		return nil
	}
	for _, f := range []struct {
		key      string
		old, new any
	}{
		{"node", old.Node, new.Node},
		{"listen", old.Listen, new.Listen},
		{"tls", old.TLS, new.TLS},
		{"h2c", old.H2C, new.H2C},
		{"proxy_protocol", old.ProxyProtocol, new.ProxyProtocol},
		{"trusted_proxies of the PROXY protocol", balancers(old), balancers(new)},
		{"limits of connections and headers", server(old), server(new)},
		{"metrics_listen", old.MetricsListen, new.MetricsListen},
		{"server", old.Server, new.Server},
		{"spool", old.Spool, new.Spool},
		{"bundles", old.Bundles, new.Bundles},
	} {
		if !reflect.DeepEqual(f.old, f.new) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// watchInterval is how often files are looked at.
const watchInterval = 2 * time.Second

// Watch reloads when a signal comes, or when the file of the configuration or
// one of its rule files has changed, until the context ends. load reads the
// configuration.
func (n *Node) Watch(ctx context.Context, file string, signals <-chan os.Signal, load func() (Config, error)) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	seen := stamps(n.watched(file))
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-tick.C:
			if slices.Equal(seen, stamps(n.watched(file))) {
				continue
			}
		}
		// Taken before reading: what changes meanwhile is seen next time.
		seen = stamps(n.watched(file))
		c, err := load()
		if err == nil {
			err = n.Reload(c)
		}
		if err != nil {
			n.log.Error("reload configuration, the old one stays", slog.Any("error", err))
		}
	}
}

// watched lists the files whose change is a reason to reload.
func (n *Node) watched(file string) []string {
	var files []string
	if file != "" {
		files = append(files, file)
	}
	for _, s := range n.state.Load().config.Sites {
		files = append(files, s.Rules.RulesBefore...)
		files = append(files, s.Rules.RulesAfter...)
	}
	return files
}

// stamps tells one state of files from another.
func stamps(files []string) []string {
	var all []string
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			all = append(all, f+" "+err.Error())
			continue
		}
		all = append(all, fmt.Sprintf("%s %d %d", f, info.Size(), info.ModTime().UnixNano()))
	}
	return all
}
