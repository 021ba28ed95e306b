package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// mixedQuestions are asked while events come in. Their answers change meanwhile
// and are not checked.
var mixedQuestions = []string{"trace id 1", "client, middling", "histogram per minute", "several fields", "latest 100"}

// mixed is how reading and writing get on with each other.
type mixed struct {
	alone, beside float64 // events a second without and with a reader
	idle, busy    time.Duration
}

// compareMixed sends events to each server without and with a reader that asks
// one question after the other.
func compareMixed(out *os.File, pair [2]contender, t *truth, file string, batch, limit int) error {
	fmt.Fprintf(out, "\n%-14s %14s %14s %6s %14s %14s %6s\n", "read + write", "alone ev/s", "beside ev/s", "kept", "p99 idle ms", "p99 busy ms", "ratio")
	for _, c := range pair {
		m, err := mix(c, t, file, batch, limit)
		if err != nil {
			return fmt.Errorf("read from %s while writing: %w", c.name(), err)
		}
		fmt.Fprintf(out, "%-14s %14.0f %14.0f %6.2f %14.2f %14.2f %6.2f\n", c.name(), m.alone, m.beside, m.beside/m.alone, ms(m.idle), ms(m.busy), ratio(m.busy, m.idle))
	}
	return nil
}

func mix(c contender, t *truth, file string, batch, limit int) (m mixed, err error) {
	p, err := c.start()
	if err != nil {
		return m, err
	}
	defer func() {
		_, stopErr := p.stop()
		err = errors.Join(err, stopErr)
	}()
	var asked []question
	for _, q := range questions(t) {
		if slices.Contains(mixedQuestions, q.name) {
			asked = append(asked, q)
		}
	}
	write := func() (float64, error) {
		began := time.Now()
		n, err := batches(file, batch, limit, c.insert)
		return float64(n) / time.Since(began).Seconds(), err
	}
	if m.idle, err = read(c, asked, func(n int) bool { return n < 40*len(asked) }); err != nil {
		return m, err
	}
	if m.alone, err = write(); err != nil {
		return m, err
	}
	written := make(chan error, 1)
	go func() {
		var err error
		m.beside, err = write()
		written <- err
	}()
	var writeErr error
	m.busy, err = read(c, asked, func(int) bool {
		select {
		case writeErr = <-written:
			return false
		default:
			return true
		}
	})
	if err != nil {
		return m, errors.Join(err, <-written)
	}
	return m, writeErr
}

// read asks questions in turn as long as more says so, at least once each, and
// returns the 99th percentile of how long the answers took.
func read(c contender, asked []question, more func(n int) bool) (time.Duration, error) {
	var times []time.Duration
	for more(len(times)) || len(times) < len(asked) {
		q := &asked[len(times)%len(asked)]
		began := time.Now()
		if _, err := c.ask(q, formsOf(c, q)[0]); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)*99/100], nil
}
