package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun runs the mutants of a small package, whose tests kill some of them.
func TestRun(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.26\n",
		"p/p.go": `package p

func inRange(n, low, high int) bool { return low <= n && n <= high }

func sum(values []int) (total int) {
	for i := 0; i < len(values); i++ {
		total += values[i]
	}
	return total
}

func name(s string) string {
	if s == "" {
		return "none"
	}
	return s + "!"
}

func unused() bool { return 1+len(os) > 2 }

var os = "os"
`,
		"p/p_test.go": `package p

import "testing"

func TestInRange(t *testing.T) {
	if !inRange(2, 2, 3) || inRange(1, 2, 3) || inRange(9, 2, 3) {
		t.Fail()
	}
}

func TestSum(t *testing.T) {
	if sum([]int{1, 2}) != 3 {
		t.Fail()
	}
}

func TestName(t *testing.T) { _ = name("x") }
`,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := &config{Package: "p", Tests: []string{"p"}, Survivors: []*survivor{
		{File: "p.go", Func: "name", Line: `return "none"`, Mutants: []string{"remove"}, unmatched: []string{"remove"}},
		{File: "p.go", Func: "sum", Line: "total += values[i]", Mutants: []string{"+= to -="}, unmatched: []string{"+= to -="}},
	}}
	prog, err := load(root, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{root: root, work: t.TempDir(), workers: 2, prog: prog}
	for _, step := range []func() error{
		func() error { return r.build(t.Context(), cfg) }, func() error { return r.trace(t.Context()) }, func() error { return r.test(t.Context(), prog.mutants) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range prog.mutants {
		got = append(got, statusNames[m.status]+" "+m.function+": "+m.kind+": "+m.text)
	}
	want := []string{
		"killed inRange: drop operand: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"killed inRange: drop operand: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"killed inRange: negate: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"killed inRange: boundary: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"killed inRange: negate: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"lived inRange: boundary: func inRange(n, low, high int) bool { return low <= n && n <= high }",
		"killed sum: negate: for i := 0; i < len(values); i++ {",
		"killed sum: boundary: for i := 0; i < len(values); i++ {",
		"killed sum: += to -=: for i := 0; i < len(values); i++ {",
		"killed sum: += to -=: total += values[i]",
		"lived name: negate: if s == \"\" {",
		"not covered name: remove: return \"none\"",
		"not covered unused: negate: func unused() bool { return 1+len(os) > 2 }",
		"not covered unused: boundary: func unused() bool { return 1+len(os) > 2 }",
		"not covered unused: + to -: func unused() bool { return 1+len(os) > 2 }",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var out strings.Builder
	if report(&out, "p", cfg, prog.mutants, true) {
		t.Error("the package passes")
	}
	for _, line := range []string{
		"p.go:13: name: negate: if s == \"\" {\n",
		"p.go: sum: the list names mutants that do not survive: += to -=: total += values[i]\n",
		"p 64.3 %, must be 0 %: of 15 mutants 9 killed (0 hung), 2 lived, 4 not covered, and 1 of these listed\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the report lacks %q:\n%s", line, out.String())
		}
	}
	if strings.Contains(out.String(), `return "none"`) {
		t.Errorf("the report has a survivor that is listed:\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if id, ok := identity(line); ok && strings.HasPrefix(line, "p.go:13") && id != `p.go: name: negate: if s == "" {` {
			t.Errorf("identity is %q", id)
		}
	}
}

// TestGroups checks how the tests that reach a mutant are divided.
func TestGroups(t *testing.T) {
	var tests []*test
	for i, took := range []time.Duration{0, time.Millisecond, groupTime - time.Millisecond, time.Millisecond, groupTime, 2 * groupTime, 3 * groupTime} {
		tests = append(tests, &test{name: string(rune('a' + i)), time: took, reaches: map[int]bool{1: true, 2: i == 4}})
	}
	for mutant, want := range []string{"", "abc d e f g", "e"} {
		var got []string
		for group := range groups(tests, mutant) {
			names := ""
			for _, t := range group {
				names += t.name
			}
			got = append(got, names)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("mutant %d: got %q, want %q", mutant, got, want)
		}
	}
	for range groups(tests, 1) {
		break
	}
}
