package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Diagnostic is one finding about a document: what is wrong, where, and what was probably
// meant. Encoded as JSON it has the form that neurondex validate --format json prints.
type Diagnostic struct {
	File       string   `json:"file"`                 // name of the document
	Line       int      `json:"line,omitempty"`       // starting at 1; 0 if the finding is about the whole document
	Column     int      `json:"column,omitempty"`     // in characters, starting at 1; 0 if Line is 0
	Severity   Severity `json:"severity"`             // whether the document is rejected
	Field      string   `json:"field,omitempty"`      // path of the field, such as "datasets[2].short_name"
	Value      string   `json:"value,omitempty"`      // text of the invalid value, truncated if long
	Message    string   `json:"message"`              // what is wrong
	Suggestion string   `json:"suggestion,omitempty"` // what was probably meant
	Datasets   int      `json:"datasets,omitempty"`   // number of datasets that it is about, if several; the position is in the first
	Rule       Rule     `json:"rule"`                 // which kind of finding it is
	More       int      `json:"more,omitempty"`       // number of problems that a diagnostic of RuleMoreProblems stands for

	dataset int // number in the document, from 1, of the dataset that it is about, for Locate; 0 if unknown
}

// String returns the diagnostic as a single line:
//
//	file:line:column: severity: field: message (did you mean "suggestion"?) (in 5 datasets, first at line 7) [rule]
//
// Parts that are empty are left out. Characters that are not printable are escaped.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(printable(d.File))
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	fmt.Fprintf(&b, ": %v: %s [%s]", d.Severity, d.Text(), d.Rule)
	return b.String()
}

// Text returns the part of String that holds field, message, suggestion and the number of
// datasets, if several.
func (d Diagnostic) Text() string {
	var b strings.Builder
	if d.Field != "" {
		b.WriteString(printable(d.Field) + ": ")
	}
	b.WriteString(printable(d.Message))
	if d.Suggestion != "" {
		fmt.Fprintf(&b, " (did you mean %s?)", quoted(d.Suggestion))
	}
	if d.Datasets > 1 {
		fmt.Fprintf(&b, " (in %d datasets, first at line %d)", d.Datasets, d.Line)
	}
	return b.String()
}

// quoted returns a text in quotes that it does not have itself, if possible.
func quoted(s string) string {
	if strings.ContainsAny(s, `"\`) && strconv.CanBackquote(s) && printable(s) == s {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// printable escapes the characters that would not stay on one line of a terminal.
func printable(s string) string {
	clean := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// UnlistedDiagnostic returns the diagnostic for a directory that cannot be listed because of
// err, such as lost+found. It is a warning: the directory may hold no documents.
func UnlistedDiagnostic(name string, err error) Diagnostic {
	d := UnreadableDiagnostic(name, err)
	d.Severity = SeverityWarning
	return d
}

// IgnoredDiagnostic returns the diagnostic for a file that looks like a dataset file and is
// not read, and why. Its rule is [RuleIgnoredFile].
func IgnoredDiagnostic(name, why string) Diagnostic {
	return Diagnostic{Severity: SeverityWarning, Rule: RuleIgnoredFile, File: name, Message: "is not read: " + why + "; rename, remove or exclude it"}
}

// UnreadableDiagnostic returns the diagnostic for a file that cannot be read because of
// err. Its rule is [RuleUnreadable].
func UnreadableDiagnostic(name string, err error) Diagnostic {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err // the diagnostic already has the name
	}
	return Diagnostic{Severity: SeverityError, Rule: RuleUnreadable, File: name, Message: fmt.Sprintf("cannot be read: %v", err)}
}

// Diagnostics is a list of findings. A nil list is valid and empty.
type Diagnostics []Diagnostic

// MaxDiagnostics is the largest number of diagnostics that are reported about one document.
const MaxDiagnostics = 100

// Limit returns at most [MaxDiagnostics] of the diagnostics, which are those of one document,
// in their order. It prefers errors to warnings and warnings to hints. If there are more, one
// last diagnostic of [RuleMoreProblems] says how many, and has the highest severity among
// them. Parse, Convert and Lint limit what they return; Limit is for combining it.
func (ds Diagnostics) Limit() Diagnostics {
	var count [SeverityHint + 1]int
	more, severity := 0, SeverityHint
	for i := range ds {
		if d := &ds[i]; d.Rule == RuleMoreProblems {
			more, severity = more+d.More, min(severity, d.Severity)
		} else {
			count[min(d.Severity, SeverityHint)]++
		}
	}
	room := MaxDiagnostics
	for s, n := range count {
		count[s] = min(n, room)
		room -= count[s]
		if n > count[s] {
			more, severity = more+n-count[s], min(severity, Severity(s))
		}
	}
	if more == 0 {
		return ds
	}
	kept := make(Diagnostics, 0, MaxDiagnostics+1)
	for i := range ds {
		d := &ds[i]
		if left := &count[min(d.Severity, SeverityHint)]; d.Rule != RuleMoreProblems && *left > 0 {
			*left--
			kept = append(kept, *d)
		}
	}
	return append(kept, moreProblems(ds[0].File, severity, more))
}

// moreProblems returns the diagnostic that stands for n others.
func moreProblems(file string, s Severity, n int) Diagnostic {
	message := "1 more problem is not shown"
	if n > 1 {
		message = fmt.Sprintf("%d more problems are not shown", n)
	}
	return Diagnostic{File: file, Severity: s, Rule: RuleMoreProblems, Message: message, More: n}
}

// Count returns the number of diagnostics of the given severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Err returns an [*InvalidError] if one of the diagnostics is an error, and nil otherwise.
func (ds Diagnostics) Err() error {
	if ds.Count(SeverityError) == 0 {
		return nil
	}
	return &InvalidError{ds}
}

// ErrInvalid matches every [InvalidError], for use with [errors.Is].
var ErrInvalid = errors.New("invalid dataset document")

// An InvalidError is the error of a rejected document.
type InvalidError struct {
	Diagnostics Diagnostics // all findings, warnings and hints included
}

// Error returns the diagnostics that are errors, one per line.
func (e *InvalidError) Error() string {
	var lines []string
	for _, d := range e.Diagnostics {
		if d.Severity == SeverityError {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }
