package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/alert"
	"github.com/gatewatch/gatewatch/services/api"
	"github.com/gatewatch/gatewatch/services/config"
	"github.com/gatewatch/gatewatch/services/enrich"
	"github.com/gatewatch/gatewatch/services/ingest"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/wall"
)

// settings is the configuration of the server: the keys of the YAML file, of
// the GATEWATCH_ environment and of the flags of serve.
type settings struct {
	Data  string   `help:"folder of all state"`
	Roles []string `help:"what this process does: all, or some of ingest, detect, api"`

	// MemoryLimitBytes is the memory that the process tries to stay within, by
	// collecting garbage more often; 0 sets none. GOMEMLIMIT wins.
	MemoryLimitBytes int64 `yaml:"memory_limit" help:"memory to stay within, such as 512MiB; 0 sets no limit, GOMEMLIMIT wins"`

	Listen   listenSettings
	TLS      access.TLSFiles `yaml:"tls"`
	Insecure bool            `help:"listen on the network without TLS"`
	Log      logSettings

	Encryption encryptionSettings

	Queue     queue.Config
	Ingest    ingest.Config
	Node      ingest.NodeConfig
	Syslog    ingest.SyslogConfig
	HTTP      ingest.HTTPConfig `yaml:"http"`
	API       api.Config        `yaml:"api"`
	Session   access.SessionConfig
	Pipeline  pipeline.Config
	Enrich    enrich.Config
	Archive   archiveSettings
	Rules     rules.Config
	Store     store.Config
	State     state.Config
	Notify    alert.Config
	Triage    triage.Config
	Proposals proposals.Config
	Screens   wall.Config
}

type listenSettings struct {
	HTTP      string `yaml:"http" help:"address of the console, the REST API, health and metrics; empty turns it off"`
	GRPC      string `yaml:"grpc" help:"address of gRPC: nodes and API; empty turns it off"`
	Ingest    string `help:"address of the HTTP inputs: _bulk and raw; empty turns it off"`
	Syslog    string `help:"address of syslog over UDP and TCP; empty turns it off"`
	SyslogTLS string `yaml:"syslog-tls" help:"address of syslog over TLS; it needs tls.cert and tls.key"`
}

type archiveSettings struct {
	Dir string `help:"folder to which the events of segments are archived as Parquet before retention deletes them; empty archives nothing"`
}

type logSettings struct {
	Level  string `help:"debug, info, warn or error"`
	Format string `help:"text or json"`
}

func defaultSettings() settings {
	return settings{
		Data:             "./gatewatch-data",
		MemoryLimitBytes: 512 << 20,
		Listen: listenSettings{
			HTTP: "127.0.0.1:8080", GRPC: "127.0.0.1:9090", Ingest: "127.0.0.1:8081", Syslog: "127.0.0.1:5514",
		},
		Log:    logSettings{Level: "info", Format: "text"},
		Enrich: enrich.Config{UserAgent: true},
		Rules:  rules.Config{Pack: true},
	}.withDefaults()
}

// withDefaults fills in what stands for a default, so that all that is printed
// is in effect. What depends on the disk stays 0.
func (s settings) withDefaults() settings {
	s.Queue = s.Queue.WithDefaults()
	s.Ingest = s.Ingest.WithDefaults()
	s.Node = s.Node.WithDefaults()
	s.Syslog = s.Syslog.WithDefaults()
	s.HTTP = s.HTTP.WithDefaults()
	s.API = s.API.WithDefaults()
	s.Session = s.Session.WithDefaults()
	s.Pipeline = s.Pipeline.WithDefaults()
	s.Enrich = s.Enrich.WithDefaults()
	s.Rules = s.Rules.WithDefaults()
	s.Store = s.Store.WithDefaults()
	s.State = s.State.WithDefaults()
	s.Notify = s.Notify.WithDefaults()
	s.Triage = s.Triage.WithDefaults()
	s.Proposals = s.Proposals.WithDefaults()
	return s
}

const envPrefix = "GATEWATCH_"

// settingsFlags binds the keys of the configuration to flags. Flags are applied
// after the file and the environment, so what they hold is kept apart.
type settingsFlags struct {
	file string
	set  map[string]string
}

func bindSettings(flags *pflag.FlagSet) *settingsFlags {
	f := &settingsFlags{set: map[string]string{}}
	flags.StringVar(&f.file, "config", "", "configuration file (YAML)")
	defaults := defaultSettings()
	for _, k := range config.Keys(&defaults) {
		v := &settingFlag{key: k.Name, text: k.String(), set: f.set, isBool: k.IsBool()}
		flag := flags.VarPF(v, k.Name, "", k.Usage)
		if v.isBool {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// settingFlag is the flag of one key.
type settingFlag struct {
	key, text string
	set       map[string]string
	isBool    bool
}

func (f *settingFlag) String() string { return f.text }
func (f *settingFlag) Type() string   { return "value" }
func (f *settingFlag) Set(text string) error {
	f.text, f.set[f.key] = text, text
	return nil
}

// load reads the file, then the environment, then the flags. Its error joins all
// mistakes.
func (f *settingsFlags) load() (settings, error) {
	s := defaultSettings()
	file := f.file
	if file == "" {
		file = os.Getenv(envPrefix + "CONFIG")
	}
	var errs []error
	if file != "" {
		errs = append(errs, config.LoadFile(&s, file))
	}
	errs = append(errs, config.LoadEnv(&s, envPrefix, os.LookupEnv))
	for _, k := range config.Keys(&s) {
		if text, ok := f.set[k.Name]; ok {
			if err := k.Set(text); err != nil {
				errs = append(errs, fmt.Errorf("--%w", err))
			}
		}
	}
	s = s.withDefaults()
	if err := errors.Join(append(errs, s.validate())...); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// clientEnv are the variables that are no keys: of commands that ask a server,
// and of the WAF node.
var clientEnv = []string{
	envPrefix + "CONFIG", envPrefix + "SERVER", envPrefix + "TOKEN", envPrefix + "TOKEN_FILE", masterEnv, notifyEnv,
}

// nodeEnvPrefix begins the variables of gatewatch-waf.
const nodeEnvPrefix = envPrefix + "WAF_"

// warnEnv says on standard error which variables look like ours and are not.
func warnEnv(w io.Writer) {
	s := defaultSettings()
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, nodeEnvPrefix) })
	for _, note := range config.UnknownEnv(&s, envPrefix, environ, clientEnv) {
		fmt.Fprintf(w, "warning: %s\n", printable(note))
	}
}

// roles that a process can have; in one process with embedded parts it has all.
const (
	roleIngest = "ingest"
	roleDetect = "detect"
	roleAPI    = "api"
)

// validate joins all that is wrong.
func (s *settings) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Data == "" {
		wrong("data: want a folder")
	}
	if len(s.Roles) == 0 || slices.Contains(s.Roles, "all") {
		s.Roles = []string{roleIngest, roleDetect, roleAPI}
	}
	for _, r := range s.Roles {
		if r != roleIngest && r != roleDetect && r != roleAPI {
			wrong("roles: unknown role %q; known are all, ingest, detect, api", r)
		}
	}
	if _, err := s.Log.level(); err != nil {
		errs = append(errs, err)
	}
	if s.Log.Format != "text" && s.Log.Format != "json" {
		wrong("log.format: want text or json, have %q", s.Log.Format)
	}
	if s.Listen.SyslogTLS != "" && !s.TLS.Set() {
		wrong("listen.syslog-tls: needs tls.cert and tls.key")
	}
	for _, l := range s.listeners() {
		if _, err := exposure(l); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.validateParts())
	if err := s.State.Validate(); err != nil {
		wrong("state.%w", err)
	}
	_, err := pipeline.New(s.Pipeline, pipeline.Options{})
	return errors.Join(append(errs, err)...)
}

// Below these a server does not work, however little it has to do.
const (
	minMemoryLimit  = 32 << 20
	minSegmentBytes = 1 << 20
)

// validateParts joins what the parts say of their keys.
func (s *settings) validateParts() error {
	var errs []error
	for _, p := range []struct {
		name string
		err  error
	}{
		{"queue", s.Queue.Validate()},
		{"ingest", s.Ingest.Validate()},
		{"syslog", s.Syslog.Validate()},
		{"http", s.HTTP.Validate()},
		{"api", s.API.Validate()},
		{"session", s.Session.Validate()},
		{"store", s.Store.Validate()},
		{"notify", s.Notify.Validate()},
		{"triage", s.Triage.Validate()},
		{"proposals", s.Proposals.Validate()},
	} {
		if p.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, p.err))
		}
	}
	if n := s.MemoryLimitBytes; n != 0 && n < minMemoryLimit {
		errs = append(errs, fmt.Errorf("memory_limit: want %s or more, or 0 for no limit, have %d bytes", size(minMemoryLimit), n))
	}
	if n := s.Store.SegmentBytes; n >= 0 && n < minSegmentBytes {
		errs = append(errs, fmt.Errorf("store.segment_bytes: want %s or more, have %d bytes", size(minSegmentBytes), n))
	}
	if a, b := s.Store.QueryBytes, s.Store.QueriesBytes; b >= 0 && a > b {
		errs = append(errs, fmt.Errorf("store.query_bytes: one query may not take more, %d bytes, than store.queries_bytes gives to all, %d", a, b))
	}
	return errors.Join(errs...)
}

// listeners returns those that are turned on.
func (s *settings) listeners() []access.Listener {
	var all []access.Listener
	for _, l := range []struct{ name, addr string }{
		{"http", s.Listen.HTTP},
		{"grpc", s.Listen.GRPC},
		{"ingest", s.Listen.Ingest},
		{"syslog", s.Listen.Syslog},
		{"syslog-tls", s.Listen.SyslogTLS},
	} {
		if l.addr != "" {
			all = append(all, access.Listener{Name: l.name, Address: l.addr, TLS: s.TLS, Insecure: s.Insecure})
		}
	}
	return all
}

// serves tells whether the roles of the process need a listener.
func (s *settings) serves(listener string) bool {
	switch listener {
	case "http", "grpc":
		return s.has(roleAPI) || s.has(roleIngest)
	}
	return s.has(roleIngest)
}

func (s *settings) has(role string) bool { return slices.Contains(s.Roles, role) }

func (l logSettings) level() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return level, fmt.Errorf("log.level: want debug, info, warn or error, have %q", l.Level)
	}
	return level, nil
}

// logger makes the log of the server; level can be changed while it runs.
func (l logSettings) logger(w io.Writer, level *slog.LevelVar) *slog.Logger {
	if n, err := l.level(); err == nil {
		level.Set(n)
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// print writes the keys in the form of a configuration file.
func (s *settings) print(w io.Writer) error { return config.WriteYAML(w, s) }
