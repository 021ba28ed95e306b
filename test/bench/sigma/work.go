package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// work is one measurement.
type work struct {
	Rules, Events, Mode, Profile string
	Fields                       bool
}

// result is what a measurement prints; rsigma's harness prints the same.
type result struct {
	Engine  string  `json:"engine"`
	Rules   int     `json:"rules"`
	Events  int     `json:"events"`
	Hits    int     `json:"hits"`
	Load    float64 `json:"load_seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Rate    float64 `json:"events_per_cpu_second"`
	HeapMiB float64 `json:"heap_mib,omitempty"` // rules and plans, without the events
	PeakMiB float64 `json:"peak_mib"`
	Allocs  float64 `json:"allocs_per_event"`
}

type record struct {
	logsource sigma.Logsource
	json      []byte
	event     *event.Event
}

func (w work) run() (*result, error) {
	records, err := readRecords(w.Events)
	if err != nil {
		return nil, err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := cpu()
	set, err := sigma.Load(os.DirFS(w.Rules), ".")
	if err != nil {
		return nil, err
	}
	p := passer{fromBytes: w.Mode == "bytes"}
	options := sigma.Options{Fields: w.Fields}
	if w.Mode != "all" {
		options.Route = func(dst []sigma.Logsource, _ *event.Event) []sigma.Logsource { return append(dst, p.logsource) }
	}
	engine, _ := sigma.Compile(set.Rules, options)
	res := &result{Engine: "gatewatch", Rules: len(engine.Rules()), Events: len(records), Load: cpu() - start}
	p.matcher = engine.NewMatcher()
	if _, err := p.pass(records[:min(len(records), 5000)]); err != nil { // plans of all logsources
		return nil, err
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	res.HeapMiB = float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	if w.Profile != "" {
		f, err := os.Create(w.Profile)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
		defer pprof.StopCPUProfile()
	}
	runtime.ReadMemStats(&before)
	start = cpu()
	if res.Hits, err = p.pass(records); err != nil {
		return nil, err
	}
	res.CPU = cpu() - start
	runtime.ReadMemStats(&after)
	res.Allocs = float64(after.Mallocs-before.Mallocs) / float64(len(records))
	res.Rate = float64(len(records)) / res.CPU
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		res.PeakMiB = float64(usage.Maxrss) / 1024
	}
	runtime.KeepAlive(set)
	return res, nil
}

// passer evaluates events.
type passer struct {
	matcher   *sigma.Matcher
	fromBytes bool
	logsource sigma.Logsource // of the event at hand
	matches   []sigma.Match
	decoder   event.Decoder
	scratch   event.Event
}

func (p *passer) pass(records []record) (hits int, err error) {
	for i := range records {
		r := &records[i]
		p.logsource = r.logsource
		e := r.event
		if p.fromBytes {
			e = &p.scratch
			e.Reset()
			if err := p.decoder.Decode(r.json, e); err != nil {
				return hits, err
			}
		}
		p.matches = p.matcher.Match(p.matches[:0], e)
		hits += len(p.matches)
	}
	return hits, nil
}

func readRecords(name string) ([]record, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<16), 1<<24)
	var list []record
	var dec event.Decoder
	for lines.Scan() {
		parts := bytes.SplitN(bytes.Clone(lines.Bytes()), []byte{'\t'}, 4)
		if len(parts) != 4 {
			return nil, fmt.Errorf("read %s: line %d is none of generate", name, len(list)+1)
		}
		r := record{
			json: parts[3], event: new(event.Event),
			logsource: sigma.Logsource{Product: string(parts[0]), Category: string(parts[1]), Service: string(parts[2])},
		}
		if err := dec.Decode(r.json, r.event); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		list = append(list, r)
	}
	return list, lines.Err()
}

// cpu returns the processor time of this process in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return (time.Duration(usage.Utime.Nano()) + time.Duration(usage.Stime.Nano())).Seconds()
}
