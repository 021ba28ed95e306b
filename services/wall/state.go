package wall

import "time"

// State is what the screens show at one moment. It is not changed once it is made.
type State struct {
	Time     time.Time
	DayStart time.Time // of the totals and of what is counted by name
	Since    time.Time // since when Sites and Upstreams are counted
	Totals   Totals
	Trend    []Point // the last 24 hours in steps of 5 minutes, gaps left out

	Attackers, Targets, Rules []Count // the most, the first with the most; of what was blocked
	Types                     []Count // the same by family of rules, which Name has as three digits
	Arcs                      []Arc
	Feed                      []Item // the newest first
	Sites                     []Site
	Upstreams                 []Upstream
	Partial                   []string // what is missing, and why
}

// Totals count since DayStart.
type Totals struct {
	Requests, Blocked, Allowed, Findings uint64
	Before                               uint64 // requests of the day before until this time of it, in steps of the trend
	Minute                               uint64 // requests that came in during the last minute
	Peak                                 uint64 // the most requests of one minute of the day, at least Minute
}

// Point is a step of the trend.
type Point struct {
	Time             time.Time
	Blocked, Allowed uint64
}

// Count is how often something was blocked since DayStart.
type Count struct {
	Name   string // address of a client, path, or id of a rule
	Detail string // country of a client, site of a path, title of a rule
	Count  uint64
}

// Arc is where requests that were blocked, or are likely missed attacks, came from
// and went to.
type Arc struct {
	Country, City string // "" where it is not known
	Site          string
	Count         uint64 // since DayStart
	Recent        uint64 // since the state before
	Missed        bool   // they were allowed and are suspect; not all of the day if the board began later
}

// Item is something that happened.
type Item struct {
	Time           time.Time
	Finding        bool // else a request that was blocked, or allowed with Missed
	Suspect        Suspect
	Client         string
	Country        string
	Site           string
	Method, Path   string
	Rule, RuleName string
	Severity       int64
}

// Suspect says that a decision is likely wrong.
type Suspect string

// What a decision may likely be.
const (
	FalsePositive Suspect = "false_positive"
	Missed        Suspect = "missed"
)

// Site is a service behind the gate, over the last minute, or since State.Since if that
// is less.
type Site struct {
	Name     string
	Rate     float64 // requests a second
	Blocked  float64 // share of them, as the next one
	Errors   float64 // answers of 500 and more
	P50, P95 time.Duration
}

// Most entries of the lists of a state.
const (
	maxTop   = 10
	maxArcs  = 24
	maxFeed  = 40
	maxSites = 64
	maxTrend = 24 * 12
	maxText  = 200 // bytes of a text that somebody else wrote
	maxNamed = 4096
)

// trendStep divides the trend.
const trendStep = 5 * time.Minute
