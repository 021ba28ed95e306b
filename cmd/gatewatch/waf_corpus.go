package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
)

// maxCorpusLine bounds one request of a corpus: a body of the largest size that
// the rules take, in base64.
const maxCorpusLine = 64 << 20

// eachRequest calls f for every request of a corpus file, which may be packed
// with gzip. The request is f's to keep.
func eachRequest(cmd *cobra.Command, name string, f func(*verdict.Request) error) error {
	in, err := openInput(cmd, name)
	if err != nil {
		return err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 1<<16)
	lines := io.Reader(r)
	if mark, _ := r.Peek(2); bytes.Equal(mark, []byte{0x1f, 0x8b}) {
		if lines, err = gzip.NewReader(r); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(make([]byte, 1<<16), maxCorpusLine)
	for n := 1; scanner.Scan(); n++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		var q verdict.Request
		if err := verdict.ReadRequest(scanner.Bytes(), &q); err != nil {
			return fmt.Errorf("line %d of %s: %w", n, name, err)
		}
		if err := f(&q); err != nil {
			return fmt.Errorf("line %d of %s: %w", n, name, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// keptDecision is the form in which decisions are kept between runs.
type keptDecision struct {
	Key     string          `json:"key"`
	Block   bool            `json:"block"`
	Score   int             `json:"score"`
	Rules   []int           `json:"rules"`
	Matches []verdict.Match `json:"matches,omitempty"`
}

// judges evaluates the rules over requests, or takes what an earlier run has
// kept: the rules cost a hundred times what a verdict does.
type judges struct {
	engine *waf.Engine
	kept   map[string]*keptDecision
	file   *os.File
	out    *bufio.Writer
}

// openJudges compiles the rules. name is the file in which decisions are kept,
// empty for none.
func openJudges(name string) (*judges, error) {
	engine, err := waf.Compile(waf.CorpusSettings())
	if err != nil {
		return nil, err
	}
	j := &judges{engine: engine}
	if name == "" {
		return j, nil
	}
	j.kept = map[string]*keptDecision{}
	if j.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, usagef("--decisions: %w", err)
	}
	scanner := bufio.NewScanner(j.file)
	scanner.Buffer(make([]byte, 1<<16), maxCorpusLine)
	for scanner.Scan() {
		d := &keptDecision{}
		if json.Unmarshal(scanner.Bytes(), d) == nil { // an interrupted run leaves half a line
			j.kept[d.Key] = d
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	j.out = bufio.NewWriterSize(j.file, 1<<16)
	return j, nil
}

// close writes what is still to be kept.
func (j *judges) close() error {
	err := j.engine.Close()
	if j.out != nil {
		err = errors.Join(err, j.out.Flush(), j.file.Close())
	}
	return err
}

// key names a request and the rules that judge it.
func (j *judges) key(q *verdict.Request) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q %q %q\n", j.engine.Fingerprint(), q.Method, q.URI, q.Proto)
	for _, v := range q.Headers {
		fmt.Fprintf(h, "%q %q\n", v[0], v[1])
	}
	h.Write([]byte{0})
	h.Write(q.Body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// verdictMatches are matches of the rules as a verdict takes them. They are kept
// for long: the names must not hold on to their requests.
func verdictMatches(all []waf.Match) []verdict.Match {
	var matches []verdict.Match
	for _, m := range all {
		matches = append(matches, verdict.Match{Rule: m.RuleID, Variable: strings.Clone(m.Variable)})
	}
	return matches
}

// judge returns the input of a verdict about a request.
func (j *judges) judge(ctx context.Context, q *verdict.Request) (verdict.Input, error) {
	in := verdict.Input{Request: q}
	var key string
	if j.kept != nil {
		key = j.key(q)
		if d, ok := j.kept[key]; ok {
			in.Block, in.Score, in.Rules, in.Matches = d.Block, d.Score, d.Rules, d.Matches
			return in, nil
		}
	}
	d, err := j.engine.JudgeRequest(ctx, q)
	if err != nil {
		return in, err
	}
	in.Block, in.Score, in.Rules = d.Block, d.Score, d.Scoring
	in.Matches = verdictMatches(d.Matches)
	if j.kept == nil {
		return in, nil
	}
	kept := &keptDecision{key, in.Block, in.Score, in.Rules, in.Matches}
	j.kept[key] = kept
	line, err := json.Marshal(kept)
	if err != nil {
		return in, fmt.Errorf("keep decision: %w", err)
	}
	if _, err := j.out.Write(append(line, '\n')); err != nil {
		return in, fmt.Errorf("keep decision: %w", err)
	}
	return in, nil
}
