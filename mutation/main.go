// Mutation changes the code of a package in one place at a time, runs the tests for each
// change (a mutant), and reports the mutants that no test notices.
//
// Usage:
//
//	cd mutation && go run . [flags] package...
//
// A package is named by its file in packages/, which says what is mutated, which tests
// run, the lowest score, and which mutants survive because they change nothing that a
// user could see, with the reason. The run fails if a mutant survives that is not in this
// list, if an entry of the list matches no surviving mutant, or if the score is too low.
// The score is the share of the mutants that tests kill, without those in the list.
//
// All mutants of a package are compiled into one test program, and an environment
// variable selects one. A mutant runs only the tests that reach it. A mutant that does
// not compile is never made.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 1 if a package fails, 2 for an error.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	flags := flag.NewFlagSet("mutation", flag.ContinueOnError)
	workers := flags.Int("workers", 1, "number of mutants tested at a time")
	files := flags.String("files", "", "mutate only files whose name matches this regular expression; the score is not checked")
	only := flags.String("only", "", "test only the mutants named in this file, the output of an earlier run; the score is not checked")
	list := flags.Bool("list", false, "list the mutants, and do not run them")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	code := 0
	for _, name := range flags.Args() {
		ok, err := mutate(ctx, name, *workers, *files, *only, *list)
		if err != nil {
			fmt.Fprintf(os.Stderr, "mutation: %s: %v\n", name, err)
			return 2
		}
		if !ok {
			code = 1
		}
	}
	return code
}

// mutate tests the mutants of one package, and reports whether it passes.
func mutate(ctx context.Context, name string, workers int, files, only string, list bool) (bool, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return false, err
	}
	cfg, err := readConfig(filepath.Join("packages", name+".toml"))
	if err != nil {
		return false, err
	}
	pattern, err := regexp.Compile(files)
	if err != nil {
		return false, err
	}
	work, err := makeTemp("")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)

	prog, err := load(root, cfg)
	if err != nil {
		return false, err
	}
	r := &runner{root: root, work: work, workers: workers, prog: prog}
	if err := r.build(ctx, cfg); err != nil {
		return false, err
	}

	selected := prog.mutants
	if files != "" {
		selected = filter(selected, func(m *mutant) bool { return pattern.MatchString(m.file) })
	}
	if only != "" {
		text, err := os.ReadFile(only)
		if err != nil {
			return false, err
		}
		named := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			if id, ok := identity(line); ok {
				named[id] = true
			}
		}
		selected = filter(selected, func(m *mutant) bool { return named[m.identity()] })
	}
	if list {
		for _, m := range selected {
			fmt.Println(m)
		}
		return true, nil
	}
	if err := r.trace(ctx); err != nil {
		return false, err
	}
	if err := r.test(ctx, selected); err != nil {
		return false, err
	}
	return report(os.Stdout, name, cfg, selected, files == "" && only == ""), nil
}

func filter(mutants []*mutant, keep func(*mutant) bool) []*mutant {
	var kept []*mutant
	for _, m := range mutants {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	return kept
}
