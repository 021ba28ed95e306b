package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// timing is how long the answers to a question took.
type timing struct {
	cold, warm time.Duration // warm is a median
	err        error         // the answer is not the right one
}

// ratio returns the time of one server over that of another.
func ratio(a, b time.Duration) float64 { return a.Seconds() / b.Seconds() }

// clock tells the time by which answers of a server are measured.
type clock func(server *process) (time.Duration, error)

// wall is the clock on the wall. The other clock, (*process).ran, counts the
// processor time of the server alone: other work on the machine hardly moves it.
func wall(*process) (time.Duration, error) { return time.Since(epoch), nil }

var epoch = time.Now()

// once asks one form of a question.
func (now clock) once(c contender, p *process, q *question, form string) (time.Duration, error) {
	began, err := now(p)
	if err != nil {
		return 0, err
	}
	body, err := c.ask(q, form)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name(), err)
	}
	ended, err := now(p)
	if err != nil {
		return 0, err
	}
	took := ended - began
	got, err := c.answer(q, body)
	if err == nil && got != q.want {
		err = fmt.Errorf("%s answers %d, want %d: %s", c.name(), got, q.want, form)
	}
	if err == nil && q.times != nil {
		if times := timesIn(body); !slices.Equal(times, q.times) {
			err = fmt.Errorf("%s answers with events of other times, from %s to %s: %s", c.name(), times[0], times[len(times)-1], form)
		}
	}
	return took, err
}

// eventTime finds the times of events in an answer of either server.
var eventTime = regexp.MustCompile(`"(?:_time|@timestamp)":"([^"]*)"`)

// timesIn returns the times of the events in an answer, the newest first.
func timesIn(body []byte) []string {
	var times []string
	for _, found := range eventTime.FindAllSubmatch(body, -1) {
		times = append(times, timeOf(string(found[1])))
	}
	slices.SortFunc(times, func(a, b string) int { return strings.Compare(b, a) })
	return times
}

// formsOf returns the forms in which a server is asked.
func formsOf(c contender, q *question) []string {
	if _, ours := c.(*gatewatch); ours {
		return []string{q.ours}
	}
	return q.peer
}

// warm asks each form of a question of both servers in turn and returns for
// each server the median of its fastest form.
func (now clock) warm(pair [2]contender, running [2]*process, q *question, runs int) (result [2]timing, form [2]string) {
	times := [2][][]time.Duration{}
	for i, c := range pair {
		times[i] = make([][]time.Duration, len(formsOf(c, q)))
	}
	for range runs + 1 { // the first warms up
		for i, c := range pair {
			for k, f := range formsOf(c, q) {
				took, err := now.once(c, running[i], q, f)
				if err != nil {
					result[i].err = err
				}
				times[i][k] = append(times[i][k], took)
			}
		}
	}
	for i, c := range pair {
		for k, f := range formsOf(c, q) {
			if m := median(times[i][k][1:]); form[i] == "" || m < result[i].warm {
				result[i].warm, form[i] = m, f
			}
		}
	}
	return result, form
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// cold asks a question right after a start, with nothing of the data in the page
// cache, and returns the median of some runs.
func (now clock) cold(c contender, folder string, q *question, form string, runs int) (time.Duration, error) {
	var times []time.Duration
	for range runs {
		if err := evict(folder); err != nil {
			return 0, err
		}
		p, err := c.start()
		if err != nil {
			return 0, err
		}
		took, err := now.once(c, p, q, form)
		if _, stopErr := p.stop(); err == nil {
			err = stopErr
		}
		if err != nil {
			return 0, err
		}
		times = append(times, took)
	}
	return median(times), nil
}

// compareQueries asks both servers everything, warm and, if runs of it are asked
// for, cold.
func (now clock) compareQueries(out *os.File, pair [2]contender, folders [2]string, list []question, runs, coldRuns int) error {
	var running [2]*process
	for i, c := range pair {
		began := time.Now()
		p, err := c.start()
		if err != nil {
			return err
		}
		running[i] = p
		u, err := p.usage()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: answers %.2f s after its start, memory then %s\n", c.name(), time.Since(began).Seconds(), mib(u.now))
	}
	results := make([][2]timing, len(list))
	forms := make([][2]string, len(list))
	for i := range list {
		results[i], forms[i] = now.warm(pair, running, &list[i], runs)
	}
	for i, p := range running {
		u, err := p.stop()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: peak memory while asked %s\n", pair[i].name(), mib(u.peak))
	}
	for i := range list {
		for k, c := range pair {
			if coldRuns > 0 {
				took, err := now.cold(c, folders[k], &list[i], forms[i][k], coldRuns)
				results[i][k].cold = took
				if err != nil {
					results[i][k].err = err
				}
			}
		}
	}
	return printQueries(out, list, results)
}

func printQueries(out *os.File, list []question, results [][2]timing) error {
	fmt.Fprintf(out, "\n%-22s %10s %10s %6s %6s   %10s %10s %6s\n", "warm, then cold; ms", "peer", "ours", "ratio", "goal", "peer", "ours", "ratio")
	var wrong error
	for i, q := range list {
		r := results[i]
		fmt.Fprintf(out, "%-22s %10.2f %10.2f %6.2f %6.2f", q.name, ms(r[0].warm), ms(r[1].warm), ratio(r[1].warm, r[0].warm), q.goal)
		if r[0].cold > 0 && r[1].cold > 0 {
			fmt.Fprintf(out, "   %10.2f %10.2f %6.2f", ms(r[0].cold), ms(r[1].cold), ratio(r[1].cold, r[0].cold))
		}
		for _, t := range r {
			if t.err != nil {
				wrong = fmt.Errorf("an answer is wrong: %w", t.err)
				fmt.Fprintf(out, "  WRONG: %v", t.err)
			}
		}
		fmt.Fprintln(out)
	}
	return wrong
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
