package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [--config FILE] [--data DIR]",
		Short: "Run the server",
		Long: `Runs the server with its embedded queue and store. On an empty data folder it
writes DIR/admin.token, a bearer token with all rights. DIR/listen.json names the
addresses in use once /readyz answers 200.

Every key of the configuration is a flag (--listen.http), an environment variable
(GATEWATCH_LISTEN_HTTP) and a key of the file (listen: {http: …}); flags win. An
empty address turns a listener off, port 0 takes a free one. Addresses other than
loopback need tls.cert and tls.key, or insecure.

SIGHUP reads the configuration again: log.level, pipeline, enrich, rules and notify (its
secrets too) take effect at once, the other keys at the next start. Certificates are read again when they change.`,
		Example: `  gatewatch serve
  gatewatch serve --config /etc/gatewatch/gatewatch.yaml
  gatewatch serve --data /var/lib/gatewatch --listen.syslog 0.0.0.0:5514 --insecure`,
		Args: noArgs,
	}
	f := bindSettings(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) }
	return cmd
}

func serve(cmd *cobra.Command, f *settingsFlags) error {
	warnEnv(cmd.ErrOrStderr())
	s, err := f.load()
	if err != nil {
		return err
	}
	var level slog.LevelVar
	log := s.Log.logger(cmd.ErrOrStderr(), &level)
	defer runtime.KeepAlive(limitMemory(s.MemoryLimitBytes))
	server, err := start(cmd.Context(), s, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "gatewatch %s ready, data in %s\n", version, s.Data)
	fmt.Fprint(cmd.OutOrStdout(), server.setup)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			reload(server, f, log, &level)
		case <-cmd.Context().Done():
			signal.Reset(os.Interrupt, syscall.SIGTERM) // a second one ends the process at once
			log.Info("stopping")
			return server.stop()
		case err := <-server.failed:
			log.Error("a part of the server failed", "error", err)
			if stopErr := server.stop(); stopErr != nil {
				log.Error("stop after a failure", "error", stopErr)
			}
			return err
		}
	}
}

// reload applies what can be changed while the server runs. A configuration
// with a mistake changes nothing.
func reload(server *server, f *settingsFlags, log *slog.Logger, level *slog.LevelVar) {
	s, err := f.load()
	if err != nil {
		log.Error("new configuration is not used", "error", err)
		return
	}
	if err := server.auditStart(audit.ActReload, s); err != nil {
		log.Error("new configuration is not used", "error", err)
		return
	}
	if n, err := s.Log.level(); err == nil {
		level.Set(n)
	}
	if server.rules != nil {
		server.rules.Configure(s.Rules)
		set, err := server.rules.Refresh(context.Background())
		if err != nil {
			log.Error("new configuration of rules is not used", "error", err)
		} else {
			server.rules.Report(set)
		}
	}
	if server.enrich != nil {
		server.enrich.Configure(s.Enrich)
		set, err := server.enrich.Refresh(context.Background())
		if err != nil {
			log.Error("new configuration of enrichment is not used", "error", err)
		} else {
			server.enrich.Report(set)
		}
	}
	if server.notifier != nil {
		if err := server.notifier.Configure(s.Notify); err != nil {
			log.Error("new configuration of notify is not used", "error", err)
		}
	}
	if server.pipeline != nil {
		if err := server.pipeline.Configure(s.Pipeline); err != nil {
			log.Error("new configuration is not used", "error", err)
			return
		}
	}
	log.Info("configuration read again")
}
