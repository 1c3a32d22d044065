package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// A config says how a package is mutated: the content of packages/<name>.toml.
type config struct {
	Package string   // directory of the package, from the root of the repository
	Exclude []string // names of files that are not mutated
	Tests   []string // directories of the packages whose tests run
	Flags   []string // flags for these tests
	Floor   float64  // lowest score, in percent

	Survivors []*survivor
}

// A survivor is an entry of the list of mutants that may survive. It matches the mutants of
// some kinds on a line of a function.
type survivor struct {
	File    string   // name of the file
	Func    string   // name of the function, like "parse" or "tree.find"
	Line    string   // text of the line, without the space around it
	Mutants []string // kinds of change, like "boundary"
	Reason  string   // why nobody can see the change

	unmatched []string // kinds that no surviving mutant has
}

func (s *survivor) matches(m *mutant) bool {
	return s.File == m.file && s.Func == m.function && s.Line == m.text && slices.Contains(s.Mutants, m.kind)
}

// match notes that s matches m.
func (s *survivor) match(m *mutant) {
	s.unmatched = slices.DeleteFunc(s.unmatched, func(kind string) bool { return kind == m.kind })
}

func readConfig(path string) (*config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var c config
	if err := toml.NewDecoder(f).DisallowUnknownFields().Decode(&c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, s := range c.Survivors {
		s.unmatched = slices.Clone(s.Mutants)
		if s.Line == "" || s.Reason == "" {
			return nil, fmt.Errorf("%s: entry %q %q %q: must have a line and a reason", path, s.File, s.Func, s.Line)
		}
	}
	return &c, nil
}
