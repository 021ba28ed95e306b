package waf

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/debuglog"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
)

// CRSVersion is the version of the Core Rule Set that is compiled in.
const CRSVersion = "4.25.0"

// Settings say how requests are judged. Two sites with equal settings share one
// [Engine]; what is done about a judgement (the mode) is not part of them. The
// zero value is the default.
type Settings struct {
	Paranoia           int      `help:"paranoia level that can block, 1 to 4; default 1"`
	DetectionParanoia  int      `help:"paranoia level whose rules are evaluated and reported, at least paranoia; default paranoia"`
	InboundThreshold   int      `help:"anomaly score at which a request is blocked; default 5"`
	OutboundThreshold  int      `help:"anomaly score at which a response is blocked; default 4"`
	RequestBodyBytes   int64    `help:"how much of a request body is judged; default 1MiB"`
	InspectResponses   bool     `help:"judge responses too; those of the listed types are buffered"`
	ResponseBodyBytes  int64    `help:"how much of a response body is judged; default 512KiB"`
	ResponseTypes      []string `help:"media types whose bodies are judged; default text/plain, text/html, text/xml"`
	RulesBefore        []string `help:"SecLang files read before the Core Rule Set: exclusions by ctl, own settings"`
	RulesAfter         []string `help:"SecLang files read after it: SecRuleUpdateTarget and SecRuleRemove"`
	AllowManyArguments bool     `help:"let requests pass that have more than 1000 arguments, of which the rest is not judged"`
	Accelerate         string   `help:"on or off: leave rules out that are known not to match, before they are evaluated; decisions are the same; default on"`
}

func (s Settings) withDefaults() Settings {
	def := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	def(&s.Paranoia, 1)
	def(&s.DetectionParanoia, s.Paranoia)
	def(&s.InboundThreshold, 5)
	def(&s.OutboundThreshold, 4)
	if s.RequestBodyBytes == 0 {
		s.RequestBodyBytes = 1 << 20
	}
	if s.ResponseBodyBytes == 0 {
		s.ResponseBodyBytes = 512 << 10
	}
	if len(s.ResponseTypes) == 0 {
		s.ResponseTypes = []string{"text/plain", "text/html", "text/xml"}
	}
	if s.Accelerate == "" {
		s.Accelerate = accelerateOn
	}
	return s
}

// Bounds of the bodies that are given to the rules.
const (
	maxJudgedBytes = 64 << 20
	bodyInMemory   = 128 << 10 // more of a request body lies in a temporary file
)

// validate names the key that is wrong. Defaults are filled in.
func (s Settings) validate() error {
	switch {
	case s.Paranoia < 1 || s.Paranoia > 4:
		return fmt.Errorf("paranoia: %d is not between 1 and 4", s.Paranoia)
	case s.DetectionParanoia < s.Paranoia || s.DetectionParanoia > 4:
		return fmt.Errorf("detection_paranoia: %d is not between paranoia (%d) and 4", s.DetectionParanoia, s.Paranoia)
	case s.InboundThreshold < 1:
		return fmt.Errorf("inbound_threshold: %d is less than 1", s.InboundThreshold)
	case s.OutboundThreshold < 1:
		return fmt.Errorf("outbound_threshold: %d is less than 1", s.OutboundThreshold)
	case s.RequestBodyBytes < 1 || s.RequestBodyBytes > maxJudgedBytes:
		return fmt.Errorf("request_body_bytes: %d is not between 1 and %d", s.RequestBodyBytes, int64(maxJudgedBytes))
	case s.ResponseBodyBytes < 1 || s.ResponseBodyBytes > maxJudgedBytes:
		return fmt.Errorf("response_body_bytes: %d is not between 1 and %d", s.ResponseBodyBytes, int64(maxJudgedBytes))
	case s.Accelerate != accelerateOn && s.Accelerate != accelerateOff:
		return fmt.Errorf("accelerate: %q is not one of on, off", s.Accelerate)
	}
	for _, t := range s.ResponseTypes {
		if strings.ContainsAny(t, " \t\r\n\"';") {
			return fmt.Errorf("response_types: %q is not a media type", t)
		}
	}
	return nil
}

// Engine is a compiled rule set. It may be used by any number of goroutines.
type Engine struct {
	settings    Settings
	waf         coraza.WAF
	sifting     *sifting
	fingerprint string
	rules       int
	unsifted    string   // the own directive with which nothing can be accelerated, "" for none
	classes     sync.Map // rule id → class
}

// Compile reads the rules and compiles them, which takes tens of milliseconds.
func Compile(s Settings) (*Engine, error) { return compile(s, "") }

// compile puts directives before all rules of CRS.
func compile(s Settings, directives string) (*Engine, error) {
	return program{settings: s, before: directives}.compile()
}

// program is what an engine is compiled of.
type program struct {
	settings      Settings
	before, after string   // directives before all rules of CRS, and behind them
	endless       bool     // Coraza alone, whose rules cannot be stopped, for comparison
	set           *Ruleset // in the place of CRS, nil for that itself
}

func (p program) compile() (*Engine, error) {
	s := p.settings.withDefaults()
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("check rule settings: %w", err)
	}
	if p.set != nil {
		s.Accelerate = accelerateOff // its words and expressions are known by the names that CRS has for them
	}
	p.settings = s
	files := &ruleFiles{sum: sha256.New(), sifting: &sifting{paranoia: s.DetectionParanoia}, set: p.set}
	cfg := coraza.NewWAFConfig()
	if !p.endless {
		files.checkpoints = &checkpoints{}
		cfg = cfg.WithDebugLogger(labelled{Logger: debuglog.Noop()}) // until own files turn it on
	}
	setup := s.setup(p.set) + p.before
	cfg = cfg.WithRootFS(files).WithDirectives(setup)
	for _, f := range s.RulesBefore {
		cfg = cfg.WithDirectivesFromFile(f)
	}
	if s.Accelerate == accelerateOn {
		cfg = cfg.WithDirectives(sieveRules())
	}
	for _, include := range p.set.includes() {
		cfg = cfg.WithDirectives("Include " + include)
	}
	for _, f := range s.RulesAfter {
		cfg = cfg.WithDirectivesFromFile(f)
	}
	if p.after != "" {
		cfg = cfg.WithDirectives(p.after)
	}
	engine := &Engine{settings: s, sifting: files.sifting}
	cfg = experimental.WAFConfigWithRuleObserver(cfg, func(r types.RuleMetadata) {
		files.sifting.observe(r)
		if r.ID() < firstCheckpoint || r.ID() > lastCheckpoint {
			engine.rules++
		}
	})
	files.sum.Write([]byte(setup + p.after))
	compiled, err := coraza.NewWAF(cfg)
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	engine.waf = compiled
	if why := cmp.Or(files.alters, alters(p.before), alters(p.after)); s.Accelerate == accelerateOn && why != "" {
		if err := engine.Close(); err != nil {
			return nil, fmt.Errorf("close rules: %w", err)
		}
		p.settings.Accelerate = accelerateOff
		if engine, err = p.compile(); engine != nil {
			engine.unsifted = why
		}
		return engine, err
	}
	files.sifting.compile()
	engine.fingerprint = "crs/" + p.set.version() + "+sha256:" + hex.EncodeToString(files.sum.Sum(nil))
	return engine, nil
}

// Fingerprint names the rule set: the version of CRS and a hash over the
// settings and all own files in their order.
func (e *Engine) Fingerprint() string { return e.fingerprint }

// Rules returns the number of rules.
func (e *Engine) Rules() int { return e.rules }

// Settings returns what the rules were compiled with, defaults filled in.
func (e *Engine) Settings() Settings { return e.settings }

// Close frees what the rules share with other engines, such as compiled
// expressions. Evaluations that have begun go on undisturbed.
func (e *Engine) Close() error {
	if c, ok := e.waf.(experimental.WAFCloser); ok {
		return c.Close()
	}
	return nil
}

// setup is what stands before the rules. The engine is always on: in detect
// mode the node does not enforce, so that a decision is exactly the one that
// block mode would make. Bodies over the limit are cut by the node itself.
func (s Settings) setup(set *Ruleset) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`SecRule INBOUND_DATA_ERROR "@eq 1" "id:9990001,phase:2,t:none,pass,nolog,ctl:ruleRemoveById=200002"`)
	line("Include @coraza.conf-recommended")
	line("SecRuleEngine On")
	line("SecAuditEngine Off")
	line("SecRequestBodyLimit %d", s.RequestBodyBytes+1)
	line("SecRequestBodyInMemoryLimit %d", min(s.RequestBodyBytes, bodyInMemory))
	line("SecRequestBodyLimitAction ProcessPartial")
	line("SecResponseBodyAccess %s", onOff(s.InspectResponses))
	line("SecResponseBodyMimeType %s", strings.Join(s.ResponseTypes, " "))
	line("SecResponseBodyLimit %d", s.ResponseBodyBytes+1)
	line("SecResponseBodyLimitAction ProcessPartial")
	if !s.AllowManyArguments {
		line(`SecRule ARGUMENTS_LIMIT_REACHED "@eq 1" "id:9990002,phase:1,t:none,log,deny,status:400,msg:'Too many arguments in the URL',severity:'ERROR'"`)
		line(`SecRule ARGUMENTS_LIMIT_REACHED "@eq 1" "id:9990003,phase:2,t:none,log,deny,status:400,msg:'Too many arguments in the body',severity:'ERROR'"`)
	}
	line("Include %s", set.setupFile())
	line(`SecAction "id:9990004,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d,`+
		`setvar:tx.inbound_anomaly_score_threshold=%d,setvar:tx.outbound_anomaly_score_threshold=%d"`,
		s.Paranoia, s.DetectionParanoia, s.InboundThreshold, s.OutboundThreshold)
	return b.String()
}

func onOff(b bool) string {
	if b {
		return "On"
	}
	return "Off"
}

// key identifies settings for sharing an engine.
func (s Settings) key() string {
	return s.withDefaults().setup(nil) + s.withDefaults().Accelerate + strconv.Quote(strings.Join(s.RulesBefore, "\n")) + strconv.Quote(strings.Join(s.RulesAfter, "\n"))
}

// ruleFiles is the file system that rules are read from: names with an @ are
// those of CRS, all others lie on disk and are added to the sum.
type ruleFiles struct {
	sum         hash.Hash
	checkpoints *checkpoints // nil for none
	set         *Ruleset     // nil for CRS
	sifting     *sifting
	alters      string // a directive of an own file that changes rules of CRS, "" for none
}

// maxRuleFile bounds one file of rules or of their data.
const maxRuleFile = 16 << 20

// Open opens a file for the globs that Coraza makes.
func (f *ruleFiles) Open(name string) (fs.File, error) {
	if _, own := f.set.cut(name); own {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist} // they are read as a whole
	}
	if i := strings.IndexByte(name, '@'); i >= 0 {
		return coreruleset.FS.Open(name[i:])
	}
	return os.Open(name)
}

// ReadFile reads a whole file.
func (f *ruleFiles) ReadFile(name string) ([]byte, error) {
	if own, ok := f.set.cut(name); ok {
		return f.readOwn(own)
	}
	if strings.IndexByte(name, '@') >= 0 {
		if path.Ext(name) == ".conf" { // so that own rules before and after it differ
			fmt.Fprintln(f.sum, name)
		}
		b, err := fs.ReadFile(coreruleset.FS, name)
		if err == nil && f.checkpoints != nil && strings.Contains(name, "@owasp_crs/") && path.Ext(name) == ".conf" {
			b = []byte(f.checkpoints.insert(string(b)))
		}
		return b, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRuleFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("file of rules is larger than 16 MiB")}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(f.sum, "%s %d\n", filepath.Base(name), len(b))
	f.sum.Write(b)
	f.alters = cmp.Or(f.alters, alters(string(b)))
	return b, nil
}

// Glob expands the pattern of an Include.
func (f *ruleFiles) Glob(pattern string) ([]string, error) {
	if own, ok := f.set.cut(pattern); ok {
		return f.set.glob(own)
	}
	if i := strings.IndexByte(pattern, '@'); i >= 0 {
		return fs.Glob(coreruleset.FS, pattern[i:])
	}
	return filepath.Glob(pattern)
}
