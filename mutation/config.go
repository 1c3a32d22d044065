package main

import (
	"fmt"
	"os"

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

// A survivor is an entry of the list of mutants that may survive. It matches the mutants
// of a line, by its text, or of a whole function; if Mutant is given, only those of that
// kind.
type survivor struct {
	File   string // name of the file
	Func   string // name of the function, like "parse" or "tree.find"
	Line   string // text of the line, without the space around it
	Mutant string // kind of change, like "boundary"
	Reason string // why nobody can see the change

	matched bool
}

func (s *survivor) matches(m *mutant) bool {
	return s.File == m.file && (s.Func == "" || s.Func == m.function) && (s.Line == "" || s.Line == m.text) &&
		(s.Mutant == "" || s.Mutant == m.kind)
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
		if s.File == "" || s.Func == "" && s.Line == "" || s.Reason == "" {
			return nil, fmt.Errorf("%s: entry %q %q %q: must have a file, a line or a function, and a reason", path, s.File, s.Func, s.Line)
		}
	}
	return &c, nil
}
