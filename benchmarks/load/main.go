// Load puts a server under load, and checks what its clients saw. It builds the command, runs
// it on loopback, and measures
//
//   - requests a second beside net/http sending a byte slice, and pages of a large registry;
//   - event streams that each must see every change once and in order, while some of them vanish
//     without a FIN and the server restarts;
//   - long polls that must not miss the last state.
//
// It exits with 1 if a client missed something, or a bound is exceeded.
//
//	go run ./load                  10,000 streams, in about five minutes
//	go run ./load -quick           100 streams
//	go run ./load -run streams     one section
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) > 1 && os.Args[1] == "fixed" { // the peer, as a process of its own
		err = serveFixed(ctx, os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// A scale says how much load to make, and which times are too long. A bound of 0 is none.
type scale struct {
	throughput throughputLoad
	datasets   int // of the large registry
	pages      int
	streams    streamLoad
	polls      pollLoad

	ratios    bool // whether the ratios of the routes are bounds
	maxPage   time.Duration
	maxFanOut time.Duration // 99th percentile
}

var (
	full = scale{
		throughput: throughputLoad{connections: 16, turns: 60, turn: 250 * time.Millisecond},
		datasets:   100_000, pages: 200,
		streams: streamLoad{streams: 10_000, vanished: 1000, changes: 200, interval: 400 * time.Millisecond, within: 40 * time.Second},
		polls:   pollLoad{clients: 2000, changes: 50, interval: 200 * time.Millisecond, within: time.Minute},
		ratios:  true, maxPage: 5 * time.Millisecond, maxFanOut: 250 * time.Millisecond,
	}
	quick = scale{
		throughput: throughputLoad{connections: 4, turns: 1, turn: 100 * time.Millisecond},
		datasets:   2000, pages: 10,
		streams: streamLoad{streams: 100, vanished: 10, changes: 20, interval: 10 * time.Millisecond, within: 40 * time.Second},
		polls:   pollLoad{clients: 50, changes: 10, interval: 10 * time.Millisecond, within: time.Minute},
	}
)

// A bench is what the sections share.
type bench struct {
	scale
	dir    string // for files
	binary string
	log    *os.File // of all servers
	out    io.Writer
}

var sections = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"throughput", (*bench).throughput},
	{"pages", (*bench).pages},
	{"streams", (*bench).streams},
	{"polls", (*bench).polls},
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	isQuick := flags.Bool("quick", false, "check that everything runs, with little load and no bounds of times")
	only := flags.String("run", "", "run the sections that match this `regexp`")
	binary := flags.String("neurondex", "", "the command, as a `file`; it is built if there is none")
	n := flags.Int("streams", 0, "`number` of streams, instead of that of the scale")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := &bench{scale: full, binary: *binary, out: out}
	if *isQuick {
		b.scale = quick
	}
	if *n > 0 {
		b.scale.streams.streams, b.scale.streams.vanished = *n, *n/10
	}
	if b.dir, err = os.MkdirTemp("", "load"); err != nil {
		return err
	}
	if b.log, err = os.Create(filepath.Join(b.dir, "log")); err != nil {
		return err
	}
	defer func() {
		if err == nil { // or the log of the servers tells more
			_ = os.RemoveAll(b.dir)
		}
	}()
	if b.binary == "" {
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	for _, section := range sections {
		if pattern.MatchString(section.name) {
			if err := section.run(b, ctx); err != nil {
				return fmt.Errorf("%s: %w; see %s", section.name, err, b.log.Name())
			}
		}
	}
	return nil
}

// serve runs neurondex on a new directory during a test, beside the built-in datasets.
func (b *bench) serve(ctx context.Context, fill func(dir string) error, test func(dir string, s *server) error) (err error) {
	dir, err := os.MkdirTemp(b.dir, "datasets")
	if err != nil {
		return err
	}
	s, err := newServer(b.log, b.binary, "serve", "--builtin", "--dir", dir)
	if err != nil {
		return err
	}
	if err := fill(dir); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return test(dir, s)
}

func empty(string) error { return nil }

func (b *bench) throughput(ctx context.Context) error {
	return b.serve(ctx, empty, func(_ string, s *server) error {
		results, err := throughput(ctx, s, b.log, b.dir, b.scale.throughput)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n| requests a second | neurondex | net/http | ratio | at least |\n| --- | ---: | ---: | ---: | ---: |\n")
		for _, r := range results {
			fmt.Fprintf(b.out, "| %s | %.0f | %.0f | %.2f | %.1f |\n", r.name, r.ours, r.fixed, r.ratio, r.least)
			if b.ratios && r.ratio < r.least {
				err = errors.Join(err, fmt.Errorf("%s: %.2f of net/http, which is less than %.1f", r.name, r.ratio, r.least))
			}
		}
		return err
	})
}

func (b *bench) pages(ctx context.Context) error {
	fill := func(dir string) error { return writeMany(dir, b.datasets) }
	return b.serve(ctx, fill, func(_ string, s *server) error {
		results, err := pages(ctx, s, []string{
			"/v1/datasets?limit=100",
			"/v1/datasets?limit=100&model=model-42",
			fmt.Sprintf("/v1/datasets?limit=100&q=dataset-%d", b.datasets-1),
		}, b.scale.pages)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n| a page among %d datasets | median | 99 %% |\n| --- | ---: | ---: |\n", b.datasets)
		for _, r := range results {
			fmt.Fprintf(b.out, "| `%s` | %v | %v |\n", r.path, quantile(r.times, 0.5).Round(time.Microsecond), quantile(r.times, 0.99).Round(time.Microsecond))
			if t := quantile(r.times, 0.5); b.maxPage > 0 && t > b.maxPage {
				err = errors.Join(err, fmt.Errorf("%s takes %v, which exceeds %v", r.path, t, b.maxPage))
			}
		}
		return err
	})
}

func (b *bench) streams(ctx context.Context) error {
	load := b.scale.streams
	return b.serve(ctx, empty, func(dir string, s *server) error {
		r, err := followStreams(ctx, s, dir, load)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n| %d streams, %d changes | |\n| --- | ---: |\n", load.streams, load.changes)
		fmt.Fprintf(b.out, "| changes delivered, each once and in order | %d |\n", r.delivered)
		fmt.Fprintf(b.out, "| fan-out, median and 99 %% | %v, %v |\n", quantile(r.fanOut, 0.5).Round(time.Millisecond), quantile(r.fanOut, 0.99).Round(time.Millisecond))
		fmt.Fprintf(b.out, "| until %d vanished streams are gone | %v |\n", load.vanished, r.gone.Round(100*time.Millisecond))
		fmt.Fprintf(b.out, "| until all follow a restarted server | %v |\n", r.restart.Round(100*time.Millisecond))
		fmt.Fprintf(b.out, "| bytes of a change for a stream | %.0f |\n", r.bytes)
		fmt.Fprintf(b.out, "| memory of a stream | %.1f KB |\n", float64(r.memory)/1000)
		return b.checkFanOut(r.fanOut)
	})
}

func (b *bench) polls(ctx context.Context) error {
	load := b.scale.polls
	return b.serve(ctx, empty, func(dir string, s *server) error {
		r, err := longPolls(ctx, s, dir, load)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n| %d long polls, %d changes | |\n| --- | ---: |\n", load.clients, load.changes)
		fmt.Fprintf(b.out, "| responses, all with the last state | %d |\n", r.responses)
		fmt.Fprintf(b.out, "| fan-out, median and 99 %% | %v, %v |\n", quantile(r.fanOut, 0.5).Round(time.Millisecond), quantile(r.fanOut, 0.99).Round(time.Millisecond))
		return nil
	})
}

// checkFanOut checks the bound of the fan-out.
func (b *bench) checkFanOut(times []time.Duration) error {
	if t := quantile(times, 0.99); b.maxFanOut > 0 && t > b.maxFanOut {
		return fmt.Errorf("the fan-out takes %v, which exceeds %v", t, b.maxFanOut)
	}
	return nil
}
