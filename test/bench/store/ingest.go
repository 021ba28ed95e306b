package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// intake is what one run of a server took to take events in.
type intake struct {
	events int
	took   time.Duration // until the last was acknowledged
	start  time.Duration // processor time before the first
	acked  usage         // by then
	used   usage         // until all was on disk and the server had ended
	bytes  int64         // on disk then
}

func (i intake) rate() float64 { return float64(i.events) / i.used.cpu.Seconds() }

// print writes one line about it.
func (i intake) print(server, kind string) {
	fmt.Printf("%-14s %-8s %8.0f ev/cpu-s  %6.2f µs/ev (%5.2f when acknowledged, %.2f of the start)  %8.0f ev/s  peak %s  %.1f B/ev on disk\n",
		server, kind, i.rate(), 1e6/i.rate(), i.acked.cpu.Seconds()*1e6/float64(i.events), i.start.Seconds()*1e6/float64(i.events), float64(i.events)/i.took.Seconds(),
		mib(i.used.peak), float64(i.bytes)/float64(i.events))
}

// batches calls f with n lines of a file at a time, which it must not keep, up
// to limit lines, and returns how many there were.
func batches(path string, n, limit int, f func(lines []byte) error) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return cut(file, n, limit, f)
}

// cut is batches of what is read from in.
func cut(in io.Reader, n, limit int, f func(lines []byte) error) (int, error) {
	r := bufio.NewReaderSize(in, 1<<20)
	var batch []byte
	total := 0
	for inBatch := 0; ; {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return total, err
		}
		end := err != nil || total == limit
		if !end {
			batch = append(batch, line...)
			inBatch++
			total++
		}
		if inBatch == n || end && inBatch > 0 {
			if err := f(batch); err != nil {
				return total, err
			}
			batch, inBatch = batch[:0], 0
		}
		if end {
			return total, nil
		}
	}
}

// takeIn sends a file to a server on an empty folder and ends the server.
func takeIn(c contender, file, folder string, batch int) (in intake, err error) {
	return takeFrom(c, folder, func() (int, error) { return batches(file, batch, -1, c.insert) })
}

// takeFrom is takeIn of what send sends.
func takeFrom(c contender, folder string, send func() (int, error)) (in intake, err error) {
	if err := os.RemoveAll(folder); err != nil {
		return in, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return in, err
	}
	p, err := c.start()
	if err != nil {
		return in, err
	}
	if in.start, err = p.ran(); err != nil {
		return in, err
	}
	began := time.Now()
	in.events, err = send()
	in.took = time.Since(began)
	if err != nil {
		_, stopErr := p.stop()
		return in, errors.Join(fmt.Errorf("insert into %s: %w", c.name(), err), stopErr)
	}
	if in.acked, err = p.usage(); err != nil {
		return in, err
	}
	if g, ok := c.(*gatewatch); ok {
		if err := g.await(p, in.events); err != nil {
			return in, err
		}
	}
	if in.used, err = p.stop(); err != nil {
		return in, fmt.Errorf("stop %s: %w", c.name(), err)
	}
	in.bytes, err = sizeOf(folder)
	return in, err
}

// await waits until as many events can be found. Before each look it waits until
// the server has come to rest, for looking takes time that is none of intake.
func (g *gatewatch) await(p *process, n int) error {
	for range 20 {
		if err := p.idle(); err != nil {
			return err
		}
		found, err := g.stored()
		if err != nil || found == n {
			return err
		}
		if found > n {
			return fmt.Errorf("%d events are found of %d", found, n)
		}
	}
	return fmt.Errorf("wait for %d events: not all are found", n)
}
