// Benchmarks measures neurondex side by side with what a user would pick instead, all in
// one run, prints a table of each section, and draws a picture:
//
//	go run .
//
// What counts is each ratio: the times are those of one machine on one day.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// A section measures one thing.
type section struct {
	name string
	run  func(context.Context, scale) (result, error)
}

// A result is what a section measured, to read and to see.
type result struct {
	tables []table
	panels []panel
}

var sections = []section{
	{"lookup", lookups},
	{"reload", reloads},
	{"latency", latencies},
	{"memory", memory},
	{"coldstart", coldStart},
	{"idle", idle},
}

// A scale says how much to measure.
type scale struct {
	// Lookups.
	lookupSizes []int         // datasets
	busySize    int           // datasets, for two readers and for reloads
	rounds      int           // times that everything takes its turn
	batch       time.Duration // a turn

	// Changes.
	reloadSizes []int         // datasets
	reloads     int           // at most
	latencySize int           // datasets
	changes     int           // at most
	lost        time.Duration // a change that was not seen by then
	budget      time.Duration // of one peer's changes
	settle      time.Duration // of rest before the first change, and at most between two

	// All of it.
	memorySize          int // datasets
	coldFiles, coldEach int // files, and datasets in each
	coldRounds          int
	idleSize            int           // datasets
	idle                time.Duration // how often those look that look by themselves
}

var full = scale{
	lookupSizes: []int{10, 1_000, 10_000, 1_000_000}, busySize: 10_000, rounds: 25, batch: 20 * time.Millisecond,
	reloadSizes: []int{1_000, 10_000}, reloads: 40,
	latencySize: 1_000, changes: 150, lost: time.Second, budget: 15 * time.Second, settle: 100 * time.Millisecond,
	memorySize: 1_000_000,
	coldFiles:  1_000, coldEach: 1_000, coldRounds: 5,
	idleSize: 10_000, idle: 30 * time.Second,
}

var quick = scale{
	lookupSizes: []int{10, 1_000}, busySize: 1_000, rounds: 3, batch: 5 * time.Millisecond,
	reloadSizes: []int{100}, reloads: 5,
	latencySize: 100, changes: 5, lost: 500 * time.Millisecond, budget: 2 * time.Second, settle: 100 * time.Millisecond,
	memorySize: 10_000,
	coldFiles:  20, coldEach: 100, coldRounds: 1,
	idleSize: 100, idle: time.Second,
}

// wholePicture is the file that the picture of a whole run goes to.
const wholePicture = "benchmarks.svg"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	small := flags.Bool("quick", false, "measure too little to quote, in less than a minute")
	only := flags.String("run", "", "run the sections whose names match `REGEXP`: lookup, reload, latency, memory, coldstart, idle")
	picture := flags.String("out", "", "draw the picture to `FILE`; "+wholePicture+" if all of it is measured in full")
	markdown := flags.Bool("markdown", false, "print the tables as Markdown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	s := full
	if *small {
		s = quick
	}
	write := table.text
	if *markdown {
		write = table.markdown
	}

	var panels []panel
	for _, section := range sections {
		if !chosen.MatchString(section.name) {
			continue
		}
		start := time.Now()
		fmt.Fprintf(stderr, "%s ...\n", section.name)
		res, err := section.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		fmt.Fprintf(stderr, "%s: %v\n", section.name, time.Since(start).Round(time.Second))
		for _, t := range res.tables {
			if err := write(t, stdout); err != nil {
				return err
			}
		}
		panels = append(panels, res.panels...)
		runtime.GC() // the next one begins afresh
	}
	if len(panels) == 0 {
		return fmt.Errorf("no section matches %q", *only)
	}
	if *picture == "" {
		if *small || *only != "" {
			return nil // such a run must not replace the picture of a whole one
		}
		*picture = wholePicture
	}
	return draw(*picture, fmt.Sprintf("%s, %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)), panels)
}
