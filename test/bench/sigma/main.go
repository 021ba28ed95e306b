// Command sigma measures Gatewatch's Sigma engine beside rsigma, the fastest other
// engine known: the same rules, the same events, one core, runs in turn. It is not
// part of CI. Rules are those of a clone of SigmaHQ/sigma (its folders rules*); web
// rules are those for webserver and proxy, apache and nginx. Run it on one core.
//
//	cargo +nightly build --release --manifest-path test/bench/rsigma/Cargo.toml
//	go build -o sigma-bench ./test/bench/sigma
//	./sigma-bench generate -mix mix -n 100000 > mix.tsv    # also web, process
//	./sigma-bench run -rules DIR -events mix.tsv -mode all
//	taskset -c 0 ./sigma-bench compare -rsigma test/bench/rsigma/target/release/rsigma-bench \
//	    -rules DIR -web-rules DIR -mix mix.tsv -web web.tsv -process process.tsv
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sigma:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name a command: generate, run or compare")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "generate":
		mix := flags.String("mix", "mix", "mix, web or process")
		n := flags.Int("n", 100000, "number of events")
		seed := flags.Uint64("seed", 1, "of the generator")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return generate(os.Stdout, *mix, *n, *seed)
	case "run":
		var w work
		flags.StringVar(&w.Rules, "rules", "", "folder of rules")
		flags.StringVar(&w.Events, "events", "", "file of generate")
		flags.StringVar(&w.Mode, "mode", "all", "all, logsource or bytes (from JSON, with logsource)")
		flags.BoolVar(&w.Fields, "fields", true, "tell which fields matched")
		flags.StringVar(&w.Profile, "cpuprofile", "", "file for a CPU profile")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		r, err := w.run()
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	case "compare":
		var c comparison
		flags.StringVar(&c.other, "rsigma", "", "binary of test/bench/rsigma")
		flags.StringVar(&c.rules, "rules", "", "folder of rules")
		flags.StringVar(&c.webRules, "web-rules", "", "folder of web rules only")
		flags.StringVar(&c.mix, "mix", "", "events of the mix")
		flags.StringVar(&c.web, "web", "", "web events")
		flags.StringVar(&c.process, "process", "", "process events")
		flags.IntVar(&c.runs, "runs", 3, "runs of each; the best counts")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return c.run(os.Stdout)
	}
	return fmt.Errorf("unknown command %q", args[0])
}
