package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Diagnostic is one finding about a document: what is wrong, where, and what was probably
// meant. Its JSON form is that of neurondex validate --format json.
type Diagnostic struct {
	File       string   `json:"file"`                 // name of the document
	Line       int      `json:"line,omitempty"`       // from 1; 0 if the document as a whole is meant
	Column     int      `json:"column,omitempty"`     // in characters, from 1; 0 if Line is 0
	Severity   Severity `json:"severity"`             // whether the document is rejected
	Field      string   `json:"field,omitempty"`      // path of the field, such as "datasets[2].short_name"
	Value      string   `json:"value,omitempty"`      // text of the invalid value, truncated if it is long
	Message    string   `json:"message"`              // what is wrong
	Suggestion string   `json:"suggestion,omitempty"` // what was probably meant
	Rule       Rule     `json:"rule"`                 // which kind of finding it is
}

// String returns the diagnostic as file:line:column: severity: field: message (did you
// mean "suggestion"?) [rule], on one line whatever the names hold.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(printable(d.File))
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	fmt.Fprintf(&b, ": %v: %s [%s]", d.Severity, d.Text(), d.Rule)
	return b.String()
}

// Text returns the part of String between severity and rule: field, message and
// suggestion.
func (d Diagnostic) Text() string {
	var b strings.Builder
	if d.Field != "" {
		b.WriteString(printable(d.Field) + ": ")
	}
	b.WriteString(printable(d.Message))
	if d.Suggestion != "" {
		fmt.Fprintf(&b, " (did you mean %q?)", d.Suggestion)
	}
	return b.String()
}

// printable escapes what would not stay on one line of a terminal.
func printable(s string) string {
	clean := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Diagnostics are all that was found, in the order in which it stands.
type Diagnostics []Diagnostic

// sort brings diagnostics into the order in which they stand.
func (ds Diagnostics) sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Count returns the number of diagnostics of a severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// ErrInvalid is what the error of [Diagnostics.Err] is, for [errors.Is].
var ErrInvalid = errors.New("invalid dataset document")

// An InvalidError holds diagnostics of which one at least is an error.
type InvalidError struct{ Diagnostics Diagnostics }

// Error lists the errors among the diagnostics, one a line.
func (e *InvalidError) Error() string {
	var lines []string
	for _, d := range e.Diagnostics {
		if d.Severity == SeverityError {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Is makes every InvalidError an [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Err returns an [*InvalidError] if one of the diagnostics is an error, nil if not.
func (ds Diagnostics) Err() error {
	if ds.Count(SeverityError) == 0 {
		return nil
	}
	return &InvalidError{ds}
}

// ErrTooLarge says that a file has more bytes than are read.
var ErrTooLarge = errors.New("too large")

// UnreadableDiagnostic returns the diagnostic of a file that could not be read; that of
// [RuleTooLarge] if err is an [ErrTooLarge].
func UnreadableDiagnostic(name string, err error) Diagnostic {
	if errors.Is(err, ErrTooLarge) {
		return Diagnostic{Severity: SeverityError, Rule: RuleTooLarge, File: name, Message: err.Error()}
	}
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err // the name is in the diagnostic already
	}
	return Diagnostic{Severity: SeverityError, Rule: RuleUnreadable, File: name, Message: fmt.Sprintf("cannot be read: %v", err)}
}
