// Benchmarks measures neurondex and its peers in one run, prints a table for each section,
// and draws a picture:
//
//	go run .
//
// Compare ratios. Times depend on the machine.
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
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// A section is a group of measurements.
type section struct {
	name string
	run  func(context.Context, scale) (result, error)
}

// A result is what a section measured.
type result struct {
	tables []table
	panels []panel
}

var sections = []section{
	{"lookup", lookups},
	{"barrier", barriers},
	{"reload", reloads},
	{"latency", latencies},
	{"memory", memory},
	{"coldstart", coldStart},
	{"scan", scans},
	{"idle", idle},
}

// A scale says how much to measure.
type scale struct {
	// Lookups.
	lookupSizes    []int         // datasets
	concurrentSize int           // datasets, for two readers and for reloads
	rounds         int           // turns of each store
	turn           time.Duration // length of a turn

	// Barriers.
	barrierSizes []int         // files
	barriers     int           // maximum in a turn
	barrierTurn  time.Duration // maximum
	overflowSize int           // maximum of files
	overflows    int           // maximum

	// Changes.
	reloadSizes []int         // datasets
	reloads     int           // maximum
	latencySize int           // datasets
	changes     int           // maximum
	timeout     time.Duration // after which a change counts as lost
	budget      time.Duration // for all changes of a peer
	pause       time.Duration // before the first change, and the maximum between changes

	// Memory, cold start, scan and idle.
	memorySize          int // datasets
	coldFiles, coldEach int // files, and datasets in each
	coldSingles         int // files with one dataset
	coldRounds          int
	scanSize            int           // files
	idleSize            int           // datasets
	scanInterval        time.Duration // between full scans; also how long each peer is measured
}

var full = scale{
	lookupSizes: []int{10, 1_000, 10_000, 1_000_000}, concurrentSize: 10_000, rounds: 25, turn: 20 * time.Millisecond,
	barrierSizes: []int{1_000, 10_000}, barriers: 50, barrierTurn: 250 * time.Millisecond, overflowSize: 40_000, overflows: 3,
	reloadSizes: []int{1_000, 10_000}, reloads: 40,
	latencySize: 1_000, changes: 150, timeout: time.Second, budget: 15 * time.Second, pause: 100 * time.Millisecond,
	memorySize: 1_000_000,
	coldFiles:  1_000, coldEach: 1_000, coldSingles: 10_000, coldRounds: 5,
	scanSize: 10_000,
	idleSize: 10_000, scanInterval: 30 * time.Second,
}

var quick = scale{
	lookupSizes: []int{10, 1_000}, concurrentSize: 1_000, rounds: 3, turn: 5 * time.Millisecond,
	barrierSizes: []int{100}, barriers: 5, barrierTurn: 100 * time.Millisecond, overflowSize: 200, overflows: 1,
	reloadSizes: []int{100}, reloads: 5,
	latencySize: 100, changes: 5, timeout: 500 * time.Millisecond, budget: 2 * time.Second, pause: 100 * time.Millisecond,
	memorySize: 10_000,
	coldFiles:  20, coldEach: 100, coldSingles: 100, coldRounds: 1,
	scanSize: 100,
	idleSize: 100, scanInterval: time.Second,
}

// defaultPicture is where the picture of a full run goes.
const defaultPicture = "benchmarks.svg"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	small := flags.Bool("quick", false, "run in less than a minute; the figures are not meaningful")
	only := flags.String("run", "", "run only the sections that match `REGEXP`: lookup, barrier, reload, latency, memory, coldstart, scan, idle")
	picture := flags.String("out", "", "draw the picture to `FILE` (default: "+defaultPicture+" for a full run, none for others)")
	markdown := flags.Bool("markdown", false, "print the tables as Markdown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	selected, err := regexp.Compile(*only)
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
	found := false
	for _, section := range sections {
		if !selected.MatchString(section.name) {
			continue
		}
		found = true
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
		debug.FreeOSMemory() // otherwise the runtime returns the memory during the next section
	}
	if !found {
		return fmt.Errorf("no section matches %q", *only)
	}
	if *picture == "" {
		if *small || *only != "" {
			return nil // only a full run may replace the committed picture
		}
		*picture = defaultPicture
	}
	if len(panels) == 0 {
		return fmt.Errorf("no chart to draw: the sections that match %q have tables only", *only)
	}
	return draw(*picture, fmt.Sprintf("%s, %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)), panels)
}
