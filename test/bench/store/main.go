// Command store measures a whole gatewatch server beside a VictoriaLogs server:
// the same JSON lines over HTTP into both, then the same questions to both in
// turn, each server bound to the same processors. The events are generated with
// the exact answers, which every answer is compared with. See BENCHMARKS.md.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type options struct {
	peer, ours, work, cores string
	events, batch, runs     int
	cold, mixed, rounds     int
	seed                    uint64
	inputs, flush           string
	load, lines             string
	senders                 int
	ask, cpu, prose         bool
}

func main() {
	var o options
	flag.StringVar(&o.peer, "peer", "", "program of VictoriaLogs; none measures Gatewatch alone")
	flag.StringVar(&o.ours, "gatewatch", "bin/gatewatch", "program of Gatewatch")
	flag.StringVar(&o.work, "work", "", "folder for events and data, kept; default: a temporary one")
	flag.StringVar(&o.cores, "cores", "0", "processors of the servers, in the form of taskset")
	flag.IntVar(&o.events, "events", 500_000, "events")
	flag.IntVar(&o.batch, "batch", 10_000, "events of a request")
	flag.IntVar(&o.rounds, "rounds", 3, "times that events are taken in")
	flag.IntVar(&o.runs, "runs", 5, "times that each question is asked warm; 0 asks none")
	flag.IntVar(&o.cold, "cold", 1, "times that each question is asked cold")
	flag.IntVar(&o.mixed, "mixed", 200_000, "events that are written beside a reader; 0 leaves that out")
	flag.Uint64Var(&o.seed, "seed", 42, "seed of the events")
	flag.StringVar(&o.inputs, "inputs", "norules,raw,bulk", "how Gatewatch takes events in; the first is asked afterwards")
	flag.StringVar(&o.flush, "flush", "1s", "flush interval of the peer")
	flag.StringVar(&o.load, "load", "", "only load generated events, without a file of them, into one server: peer or ours; its data stays in -work")
	flag.IntVar(&o.senders, "senders", 1, "requests of -load that are under way at once; not for bulk")
	flag.BoolVar(&o.ask, "ask", false, "only ask both servers about what was loaded into -work")
	flag.BoolVar(&o.cpu, "cpu", false, "measure answers by the processor time of the server, not by the clock on the wall")
	flag.StringVar(&o.lines, "lines", "", "file of real events, one JSON object a line, that is loaded and asked instead of generated ones")
	flag.BoolVar(&o.prose, "prose", false, "give events messages of words that no other field tells")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench store:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.load != "" && o.ask || o.lines != "" && (o.load != "" || o.ask) {
		return errors.New("-load, -ask and -lines exclude each other")
	}
	if (o.load != "" || o.ask) && o.work == "" {
		return errors.New("-load and -ask need -work")
	}
	if o.work == "" {
		dir, err := os.MkdirTemp("", "gatewatch-bench")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // what is left is in the temporary folder
		o.work = dir
	}
	if err := os.MkdirAll(o.work, 0o700); err != nil {
		return err
	}
	if o.load != "" {
		return o.loadOne()
	}
	if o.ask {
		return o.askLoaded()
	}
	if o.lines != "" {
		return o.compareLines()
	}
	file, t, err := o.generated()
	if err != nil {
		return err
	}
	fmt.Printf("%d events, %.0f bytes each, on processors %s\n\n", t.Events, float64(t.Bytes)/float64(t.Events), o.cores)
	kinds := strings.Split(o.inputs, ",")
	for i := len(kinds) - 1; i >= 0; i-- { // the first last: its data is asked
		if err := o.compareIntake(kinds[i], file, t); err != nil {
			return err
		}
	}
	ours, folder := o.gatewatch(kinds[0], t)
	if o.peer == "" {
		return nil
	}
	peer, peerFolder := o.victoriaLogs()
	pair, folders := [2]contender{peer, ours}, [2]string{peerFolder, folder}
	for i, c := range pair {
		if err := merge(c, folders[i], t.Events); err != nil {
			return err
		}
	}
	if o.runs > 0 {
		err = o.clock().compareQueries(os.Stdout, pair, folders, questions(t), o.runs, o.cold)
	}
	if o.mixed > 0 {
		err = errors.Join(err, compareMixed(os.Stdout, pair, t, file, o.batch, o.mixed))
	}
	return err
}

// generated writes the file of events unless the work folder has it already.
func (o options) generated() (string, *truth, error) {
	to := time.Now().UTC().Truncate(24 * time.Hour)
	base := filepath.Join(o.work, fmt.Sprintf("events-%s-%s", o.kind(), to.Format(time.DateOnly)))
	t := &truth{}
	if b, err := os.ReadFile(base + ".truth"); err == nil && json.Unmarshal(b, t) == nil {
		return base + ".ndjson", t, nil
	}
	f, err := os.Create(base + ".ndjson")
	if err != nil {
		return "", nil, err
	}
	t, err = generate(f, o.events, to, o.seed, o.prose)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(t)
	if err != nil {
		return "", nil, err
	}
	return base + ".ndjson", t, os.WriteFile(base+".truth", b, 0o600)
}

// kind names what is generated.
func (o options) kind() string {
	s := fmt.Sprintf("%d-%d", o.events, o.seed)
	if o.prose {
		s += "-prose"
	}
	return s
}

// clock returns what answers are measured by.
func (o options) clock() clock {
	if o.cpu {
		return (*process).ran
	}
	return wall
}

func (o options) victoriaLogs() (*victoriaLogs, string) {
	dir := filepath.Join(o.work, "peer")
	return &victoriaLogs{program: o.peer, dir: dir, cores: o.cores, flush: o.flush}, dir
}

// gatewatch returns a server that takes events in one of these ways:
//
//	norules  lines to /raw/ecs, with no rules: what the peer does
//	raw      the same with the rules that come with Gatewatch
//	bulk     documents to _bulk, with these rules
func (o options) gatewatch(kind string, t *truth) (*gatewatch, string) {
	dir := filepath.Join(o.work, "ours-"+kind)
	g := &gatewatch{program: o.ours, dir: dir, cores: o.cores, to: t.To, bulk: kind == "bulk"}
	if kind == "norules" {
		g.options = []string{"--rules.pack=false"}
	}
	return g, dir
}

// compareIntake prints the runs of both servers in turn, and the ratio of their
// medians.
func (o options) compareIntake(kind, file string, t *truth) error {
	ours, folder := o.gatewatch(kind, t)
	var pair []contender
	var folders []string
	if o.peer != "" {
		peer, peerFolder := o.victoriaLogs()
		pair, folders = append(pair, peer), append(folders, peerFolder)
	}
	pair, folders = append(pair, ours), append(folders, folder)
	rates := make([][]float64, len(pair))
	for range o.rounds {
		for i, c := range pair {
			in, err := takeIn(c, file, folders[i], o.batch)
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], in.rate())
			in.print(c.name(), kind)
		}
	}
	if len(pair) == 2 {
		fmt.Printf("%-14s %-8s %8.2f times the events of the peer per processor second; goal 4\n\n", "ratio", kind, medianOf(rates[1])/medianOf(rates[0]))
	}
	return nil
}
