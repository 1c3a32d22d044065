package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/packages"
)

// A program is a package with all its mutants.
type program struct {
	mutants []*mutant
	files   map[string][]byte // the code with the mutants in it, by path
}

// load finds the mutants of the package of cfg. A line on which mutants do not compile has
// none.
func load(root string, cfg *config) (*program, error) {
	dir := filepath.Join(root, cfg.Package)
	pkg, deps, err := loadPackage(dir)
	if err != nil {
		return nil, err
	}
	skip := map[string]bool{}
	for {
		prog := &program{files: map[string][]byte{}}
		for i, file := range pkg.Syntax {
			path := pkg.CompiledGoFiles[i]
			if slices.Contains(cfg.Exclude, filepath.Base(path)) {
				continue
			}
			if err := prog.addFile(pkg, file, path, skip); err != nil {
				return nil, err
			}
		}
		prog.files[filepath.Join(dir, "mutant__.go")] = []byte("package " + pkg.Name + "\n" + support)

		failed := prog.check(pkg, deps)
		if len(failed) == 0 {
			return prog, nil
		}
		for at, err := range failed {
			if skip[at] {
				return nil, err
			}
			fmt.Fprintln(os.Stderr, "mutation: no mutants on this line, as they do not compile:", err)
			skip[at] = true
		}
	}
}

// loadPackage returns the package in dir, and the packages that it and support import.
func loadPackage(dir string) (*packages.Package, importer, error) {
	mode := packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax |
		packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps
	pkgs, err := packages.Load(&packages.Config{Mode: mode, Dir: dir}, ".", "os", "strconv", "sync/atomic")
	if err != nil {
		return nil, nil, err
	}
	deps := importer{}
	var pkg *packages.Package
	for _, p := range pkgs {
		switch p.PkgPath {
		case "os", "strconv", "sync/atomic":
			deps[p.PkgPath] = p.Types
		default:
			pkg = p
		}
	}
	for _, err := range pkg.Errors {
		return nil, nil, err
	}
	for path, p := range pkg.Imports {
		deps[path] = p.Types
	}
	return pkg, deps, nil
}

type importer map[string]*types.Package

func (m importer) Import(path string) (*types.Package, error) {
	if p := m[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("package %s is not loaded", path)
}

// check returns the errors that a compiler would find in the code with the mutants in it,
// by file and line.
func (p *program) check(pkg *packages.Package, deps importer) map[string]error {
	failed := map[string]error{}
	fset := token.NewFileSet()
	var files []*ast.File
	add := func(pos token.Position, err error) {
		failed[fmt.Sprintf("%s:%d", filepath.Base(pos.Filename), pos.Line)] = err
	}
	for path, text := range p.files {
		file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
		var list scanner.ErrorList
		if errors.As(err, &list) {
			add(list[0].Pos, list[0])
		}
		files = append(files, file)
	}
	if len(failed) > 0 {
		return failed
	}
	for _, path := range pkg.CompiledGoFiles {
		if _, ok := p.files[path]; !ok {
			file, _ := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			files = append(files, file)
		}
	}
	conf := types.Config{Importer: deps, GoVersion: "go1.26", Error: func(err error) {
		var e types.Error
		if errors.As(err, &e) {
			add(fset.Position(e.Pos), err)
		}
	}}
	_, _ = conf.Check(pkg.PkgPath, fset, files, nil)
	return failed
}
