package main

import (
	"fmt"
	"io"
	"strings"
)

var statusNames = map[status]string{notCovered: "not covered", lived: "lived", killed: "killed", hung: "killed (hangs)"}

// report writes what became of the mutants, and reports whether the package passes. If
// the mutants are not all of the package, it cannot fail.
func report(w io.Writer, name string, cfg *config, mutants []*mutant, all bool) bool {
	counts := map[status]int{}
	listed, passes := 0, true
	for _, m := range mutants {
		counts[m.status]++
		if m.status == killed || m.status == hung {
			continue
		}
		known := false
		for _, s := range cfg.Survivors {
			if s.matches(m) {
				s.match(m)
				known = true
			}
		}
		if known {
			listed++
			continue
		}
		passes = false
		fmt.Fprintf(w, "%v\n", m)
	}
	dead := counts[killed] + counts[hung]
	score := 100 * float64(dead) / float64(max(len(mutants)-listed, 1))
	fmt.Fprintf(w, "%s %.1f %%, must be %.0f %%: of %d mutants %d killed (%d hung), %d lived, %d not covered, and %d of these listed\n",
		name, score, cfg.Floor, len(mutants), dead, counts[hung], counts[lived], counts[notCovered], listed)
	if !all {
		return true
	}
	for _, s := range cfg.Survivors {
		if len(s.unmatched) > 0 {
			passes = false
			fmt.Fprintf(w, "%s: %s: the list names mutants that do not survive: %s: %s\n", s.File, s.Func, strings.Join(s.unmatched, ", "), s.Line)
		}
	}
	return passes && score >= cfg.Floor
}
