package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A mutant is one change of the code.
type mutant struct {
	id       int
	kind     string
	file     string // name of the file
	function string // the function that it is in
	line     int
	text     string // the line, without the space around it

	status status
}

type status int

const (
	notCovered status = iota // no test reaches it
	lived
	killed
	hung // killed: the tests did not end
)

// identity names m in the output of a run. It does not depend on the line's number.
func (m *mutant) identity() string { return m.file + ": " + m.function + ": " + m.kind + ": " + m.text }

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s: %s", m.file, m.line, m.function, m.kind, m.text)
}

// identity returns the identity of the mutant that a line of output names.
func identity(line string) (string, bool) {
	file, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
	_, rest, ok2 := strings.Cut(rest, ": ")
	return file + ": " + rest, ok && ok2
}

// A finder collects the mutants of a file as insertions into its text.
type finder struct {
	prog     *program
	name     string
	file     *token.File
	types    *types.Info
	text     []byte
	skip     map[string]bool
	function string
	edits    []edit
}

func (p *program) addFile(pkg *packages.Package, file *ast.File, path string, skip map[string]bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f := &finder{prog: p, name: filepath.Base(path), file: pkg.Fset.File(file.Pos()), types: pkg.TypesInfo, text: text, skip: skip}
	for _, decl := range file.Decls {
		f.function = functionName(decl)
		ast.PreorderStack(decl, nil, func(n ast.Node, stack []ast.Node) bool {
			f.visit(n, stack)
			return true
		})
	}
	p.files[path] = apply(text, f.edits)
	return nil
}

func functionName(decl ast.Decl) string {
	fn, ok := decl.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	return fmt.Sprint(t) + "." + fn.Name.Name
}

// add makes a mutant of n and returns its identifier.
func (f *finder) add(n ast.Node, kind string) int {
	line := f.file.Line(n.Pos())
	start := f.file.Offset(f.file.LineStart(line))
	text, _, _ := strings.Cut(string(f.text[start:]), "\n")
	m := &mutant{
		id: len(f.prog.mutants) + 1, kind: kind, file: f.name, function: f.function, line: line, text: strings.TrimSpace(text),
	}
	f.prog.mutants = append(f.prog.mutants, m)
	return m.id
}

// wrap puts n between two texts.
func (f *finder) wrap(n ast.Node, before, after string) {
	f.edits = append(f.edits, edit{f.file.Offset(n.Pos()), f.file.Offset(n.Pos()), before, false})
	f.edits = append(f.edits, edit{f.file.Offset(n.End()), f.file.Offset(n.End()), after, true})
}

func (f *finder) replace(pos token.Pos, length int, with string) {
	f.edits = append(f.edits, edit{f.file.Offset(pos), f.file.Offset(pos) + length, with, false})
}

// source returns the text of n, and whether it is on one line.
func (f *finder) source(n ast.Node) (string, bool) {
	s := string(f.text[f.file.Offset(n.Pos()):f.file.Offset(n.End())])
	return s, !strings.Contains(s, "\n")
}

func (f *finder) visit(n ast.Node, stack []ast.Node) {
	if f.skip[fmt.Sprintf("%s:%d", f.name, f.file.Line(n.Pos()))] {
		return
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if f.types.Types[n].Value == nil {
			f.visitBinary(n)
		}
	case *ast.IfStmt:
		f.visitCondition(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.visitCondition(n.Cond)
		}
	case *ast.IncDecStmt:
		f.visitAssign(n, n.X, n.TokPos, 2, map[token.Token]token.Token{token.INC: token.ADD, token.DEC: token.SUB}[n.Tok], "1")
	case *ast.AssignStmt:
		if op, ok := assignOps[n.Tok]; ok {
			f.visitAssign(n, n.Lhs[0], n.TokPos, len(n.Tok.String()), op, "")
		} else if n.Tok == token.ASSIGN && !f.blank(n) {
			f.visitStatement(n, stack)
		}
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && f.isPanic(call) && !endsIf(n, stack) {
			return // without the panic, the function may not return
		}
		f.visitStatement(n, stack)
	case *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt:
		f.visitStatement(n.(ast.Stmt), stack)
	case *ast.ReturnStmt:
		if endsIf(n, stack) {
			f.visitStatement(n, stack)
		}
	case *ast.BranchStmt:
		f.visitBranch(n, stack)
	}
}

var negations = []token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}

var swaps = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND, token.AND_NOT: token.AND,
}

var assignOps = map[token.Token]token.Token{
	token.ADD_ASSIGN: token.ADD, token.SUB_ASSIGN: token.SUB, token.MUL_ASSIGN: token.MUL, token.QUO_ASSIGN: token.QUO,
	token.REM_ASSIGN: token.REM, token.AND_ASSIGN: token.AND, token.OR_ASSIGN: token.OR, token.XOR_ASSIGN: token.XOR,
	token.AND_NOT_ASSIGN: token.AND_NOT,
}

func (f *finder) visitBinary(n *ast.BinaryExpr) {
	switch {
	case slices.Contains(negations, n.Op):
		after := fmt.Sprintf(") != mutant__(%d))", f.add(n, "negate"))
		x, xok := f.source(n.X)
		y, yok := f.source(n.Y)
		if n.Op != token.EQL && n.Op != token.NEQ && xok && yok {
			after = fmt.Sprintf("%s != (mutant__(%d) && (%s) == (%s)))", strings.TrimSuffix(after, ")"), f.add(n, "boundary"), x, y)
		}
		f.wrap(n, "((", after)
	case n.Op == token.LAND:
		f.wrap(n.X, "((", fmt.Sprintf(") || mutant__(%d))", f.add(n.X, "drop operand")))
		f.wrap(n.Y, "((", fmt.Sprintf(") || mutant__(%d))", f.add(n.Y, "drop operand")))
	case n.Op == token.LOR:
		f.wrap(n.X, "((", fmt.Sprintf(") && !mutant__(%d))", f.add(n.X, "drop operand")))
		f.wrap(n.Y, "((", fmt.Sprintf(") && !mutant__(%d))", f.add(n.Y, "drop operand")))
	default:
		to, ok := swaps[n.Op]
		if !ok || !f.isNumber(n) || isZero(f.types.Types[n.Y]) && to == token.QUO {
			return
		}
		if bitwise(n.Op) && !f.isInteger(n) {
			return
		}
		id := f.add(n, n.Op.String()+" to "+to.String())
		f.wrap(n, fmt.Sprintf("mutant%s__(%d, ", opNames[n.Op], id), ")")
		f.replace(n.OpPos, len(n.Op.String()), ",")
	}
}

// visitCondition makes a mutant of a condition that has no operator of its own.
func (f *finder) visitCondition(cond ast.Expr) {
	if _, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok {
		return
	}
	f.wrap(cond, "((", fmt.Sprintf(") != mutant__(%d))", f.add(cond, "negate")))
}

// visitAssign makes a mutant of x op= y, or of x++ if y is given.
func (f *finder) visitAssign(n ast.Stmt, x ast.Expr, tok token.Pos, length int, op token.Token, y string) {
	target, ok := f.source(x)
	if !ok || !f.isNumber(x) || bitwise(op) && !f.isInteger(x) || hasCall(x) {
		return
	}
	id := f.add(n, fmt.Sprintf("%v= to %v=", op, swaps[op]))
	f.replace(tok, length, fmt.Sprintf("= mutant%s__(%d, %s, %s", opNames[op], id, target, y))
	f.wrap(n, "", ")")
}

// visitStatement makes a mutant without n.
func (f *finder) visitStatement(n ast.Stmt, stack []ast.Node) {
	if inList(n, stack) {
		f.wrap(n, fmt.Sprintf("if !mutant__(%d) { ", f.add(n, "remove")), " }")
	}
}

// visitBranch makes a mutant of break or continue.
func (f *finder) visitBranch(n *ast.BranchStmt, stack []ast.Node) {
	var to string
	switch n.Tok {
	case token.BREAK:
		to = "continue"
	case token.CONTINUE:
		to = "break"
	default:
		return
	}
	if !inBoundedLoop(stack) || !inList(n, stack) {
		return
	}
	label := ""
	if n.Label != nil {
		label = " " + n.Label.Name
	}
	f.wrap(n, fmt.Sprintf("if mutant__(%d) { %s }; ", f.add(n, n.Tok.String()+" to "+to), to+label), "")
}

// inList reports whether n, which is below stack, is a statement of a block.
func inList(n ast.Stmt, stack []ast.Node) bool {
	switch parent := stack[len(stack)-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return parent.Comm != n
	}
	return false
}

// inBoundedLoop reports whether the innermost loop of stack has an end besides break.
func inBoundedLoop(stack []ast.Node) bool {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.ForStmt:
			return n.Cond != nil
		case *ast.RangeStmt:
			return true
		case *ast.FuncLit:
			return false
		}
	}
	return false
}

// endsIf reports whether n is the last statement of an if without else, so that what
// follows is reached without it.
func endsIf(n ast.Stmt, stack []ast.Node) bool {
	if len(stack) < 2 {
		return false
	}
	block, ok := stack[len(stack)-1].(*ast.BlockStmt)
	parent, isIf := stack[len(stack)-2].(*ast.IfStmt)
	return ok && isIf && parent.Else == nil && block.List[len(block.List)-1] == n
}

func (f *finder) isPanic(call *ast.CallExpr) bool {
	id, ok := call.Fun.(*ast.Ident)
	return ok && f.types.Uses[id] == types.Universe.Lookup("panic")
}

// blank reports whether n assigns to nothing.
func (f *finder) blank(n *ast.AssignStmt) bool {
	for _, lhs := range n.Lhs {
		if id, ok := lhs.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

func hasCall(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		_, call := n.(*ast.CallExpr)
		found = found || call
		return true
	})
	return found
}

func (f *finder) isNumber(e ast.Expr) bool  { return f.has(e, types.IsNumeric) }
func (f *finder) isInteger(e ast.Expr) bool { return f.has(e, types.IsInteger) }

func (f *finder) has(e ast.Expr, info types.BasicInfo) bool {
	t := f.types.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0 && b.Info()&types.IsComplex == 0
}

func isZero(v types.TypeAndValue) bool { return v.Value != nil && constant.Sign(v.Value) == 0 }

func bitwise(op token.Token) bool {
	return op == token.AND || op == token.OR || op == token.XOR || op == token.AND_NOT || op == token.REM
}
