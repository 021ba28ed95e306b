// Package api serves the services of package proto over gRPC and, by the same
// interceptors and implementations, over REST; and it holds the client of both.
// Nothing reaches an implementation but through a guard, which asks package
// access whether the caller may.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/alert"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
	"github.com/gatewatch/gatewatch/services/wall"
)

// Config bounds what callers may ask for. The zero value is the default.
type Config struct {
	CallTimeout time.Duration `help:"time after which a call that has not answered ends"`
	// SearchTimeout is a little longer than the store gives itself before it
	// answers in part.
	SearchTimeout time.Duration `help:"time after which a search or aggregation ends"`
	MaxSearches   int           `help:"searches and aggregations at once; others wait for their turn"`
	MaxTails      int           `help:"tails that may be open; one more is refused"`
	// MaxRequestBytes: in JSON it may be half as large again. Other requests have
	// at most 512 KiB.
	MaxRequestBytes   int `help:"largest message of a sender of records, 8MiB at most"`
	MaxRequestRecords int `help:"records of such a message"`
}

// maxMessage is the largest message that senders of records may make.
const maxMessage = 8 << 20

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	if c.CallTimeout == 0 {
		c.CallTimeout = 30 * time.Second
	}
	if c.SearchTimeout == 0 {
		c.SearchTimeout = 75 * time.Second
	}
	if c.MaxSearches == 0 {
		c.MaxSearches = 16
	}
	if c.MaxTails == 0 {
		c.MaxTails = 64
	}
	if c.MaxRequestBytes == 0 {
		c.MaxRequestBytes = maxMessage
	}
	if c.MaxRequestRecords == 0 {
		c.MaxRequestRecords = 50_000
	}
	return c
}

// Validate names the key that is out of range.
func (c Config) Validate() error {
	switch {
	case c.CallTimeout < 0:
		return errors.New("call_timeout: must not be negative")
	case c.SearchTimeout < 0:
		return errors.New("search_timeout: must not be negative")
	case c.MaxSearches < 0:
		return errors.New("max_searches: must not be negative")
	case c.MaxTails < 0:
		return errors.New("max_tails: must not be negative")
	case c.MaxRequestBytes < 0 || c.MaxRequestBytes > maxMessage:
		return errors.New("max_request_bytes: must be between 0 and 8388608")
	case c.MaxRequestRecords < 0:
		return errors.New("max_request_records: must not be negative")
	}
	return nil
}

// Parts are what the API serves. Those that may be nil are not served then.
type Parts struct {
	Store    store.Store             // may be nil: a process without events
	Explorer Explorer                // of Store; may be nil
	Tokens   *access.Tokens          //
	People   *access.Accounts        // may be nil: a process without accounts
	Pages    map[string]http.Handler // of the console, by their names in the table of rights; may be nil
	Version  string                  // of the program
	Sources  SourcesFunc             //
	Nodes    NodesFunc               //
	Rules    RulesFunc               // may be nil: a process that does not detect
	Alerts   *state.DB               // may be nil: a process without state
	Notifier *alert.Notifier         // of Alerts; may be nil
	Audit    AuditFunc               // as Alerts
	Triage   *triage.Desk            // may be nil: a process without events or state
	Groups   GroupsFunc              // nil where Rules is
	Requests *kept.Library           // may be nil: a process without events
	Fleet    *fleet.Fleet            // may be nil: a process without nodes
	// Proposals may be nil: a process without nodes or events.
	Proposals *proposals.Keeper
	WhatIf    *whatif.Runner      // nil where Proposals is
	Board     *wall.Board         // of wall screens; may be nil: a process without events
	Ingest    IngestServer        // may be nil
	Node      NodeServer          // may be nil
	Ready     func() error        // nil error: all parts are up
	Notice    func() string       // what is amiss though all parts are up, "" if nothing is; may be nil
	Metrics   prometheus.Gatherer //
	Now       func() time.Time    // the clock of the wall
	Log       *slog.Logger        //
}

// The types of parts that other packages hand over.
type (
	// SourcesFunc returns the sources in order of their names.
	SourcesFunc func() []*gatewatchv1.Source
	// NodesFunc returns the nodes in order of their names.
	NodesFunc func() []*gatewatchv1.Node
	// RulesFunc returns the detection rules in use.
	RulesFunc func() (*rules.Set, error)
	// GroupsFunc returns the groups of a correlation; see [rules.Keeper.Groups].
	GroupsFunc func(id string, skip, size int) (rules.Groups, error)
	// AuditFunc writes a leaf of the audit log and returns once it is durable.
	AuditFunc func(context.Context, audit.Leaf) (int64, error)
	// IngestServer takes records.
	IngestServer = gatewatchv1.IngestServiceServer
	// NodeServer takes the streams of nodes.
	NodeServer = gatewatchv1.NodeServiceServer
)

// API is the services, ready to be served on any number of listeners.
type API struct {
	config   Config
	parts    Parts
	intake   intake
	searches chan struct{} // a place for each search that runs
	large    chan struct{} // a place for each large page that is in memory
	tails    chan struct{} // a place for each tail
	replays  chan struct{} // the place of the replay that runs
	screens  screens
}

// New makes the API; the error names the key of the configuration that is wrong.
func New(config Config, parts Parts) (*API, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	a := &API{
		config:   config,
		parts:    parts,
		intake:   newIntake(),
		searches: make(chan struct{}, config.MaxSearches),
		large:    make(chan struct{}, maxLarge),
		tails:    make(chan struct{}, config.MaxTails),
		replays:  make(chan struct{}, 1),
		screens:  screens{places: make(chan struct{}, maxScreens)},
	}
	if parts.Triage != nil {
		a.screens.estimate = a.screenRates
	}
	return a, nil
}
