package main

import (
	"math/bits"
	"time"
)

// truth is what a generated file holds: what to ask for, and the exact answers.
type truth struct {
	Events   int
	Bytes    int64
	From, To time.Time // bounds of the event times, To exclusive
	Day      time.Time // begin of the last day

	Traces []string // of one event each
	Client [3]client

	Substring string
	Holding   int // events whose query holds the substring, in any case

	LastDay  int // events since Day
	TopHits  int // scored events of the client that has the most
	Site     string
	Rule     string
	Denied   int // events of Site with Rule that were answered with 403
	Distinct int // sum over the sites of how many clients each had
}

// client is an address with the number of its events: a frequent, a middling
// and a rare one.
type client struct {
	Address string
	Events  int
}

// tally collects the answers while events are generated.
type tally struct {
	truth
	watched [3]int // clients whose events are counted
	events  [3]int
	scored  []int        // by client
	bySite  [][]uint64   // clients of each site, a bit each
	marked  map[int]bool // events whose trace is asked for
	site    int
	sites   []string
	clients []string
}

func newTally(n int, sites, clients []string, from, to time.Time) *tally {
	t := &tally{
		truth:   truth{Events: n, From: from, To: to, Day: to.Add(-24 * time.Hour), Substring: "union%20select", Site: sites[7], Rule: "942100"},
		watched: [3]int{40, 2000, 60000},
		scored:  make([]int, len(clients)), bySite: make([][]uint64, len(sites)),
		marked: map[int]bool{n / 10: true, n / 2: true, n * 9 / 10: true},
		site:   7, sites: sites, clients: clients,
	}
	for i := range t.bySite {
		t.bySite[i] = make([]uint64, (len(clients)+63)/64)
	}
	return t
}

// add counts one event.
func (t *tally) add(e *record) {
	t.Bytes += int64(e.size)
	if t.marked[e.number] {
		t.Traces = append(t.Traces, e.trace)
	}
	for i, c := range t.watched {
		if c == e.client {
			t.events[i]++
		}
	}
	if e.injected {
		t.Holding++
	}
	if !e.time.Before(t.Day) {
		t.LastDay++
	}
	if e.score >= 5 {
		t.scored[e.client]++
		t.TopHits = max(t.TopHits, t.scored[e.client])
	}
	if e.site == t.site && e.status == 403 && e.asked {
		t.Denied++
	}
	t.bySite[e.site][e.client/64] |= 1 << (e.client % 64)
}

func (t *tally) finish() *truth {
	for i, c := range t.watched {
		t.Client[i] = client{t.clients[c], t.events[i]}
	}
	for _, clients := range t.bySite {
		for _, word := range clients {
			t.Distinct += bits.OnesCount64(word)
		}
	}
	return &t.truth
}
