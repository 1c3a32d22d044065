package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Rule is the stable name of what a diagnostic is about.
type Rule string

// The rules.
const (
	Syntax            Rule = "syntax"              // not well-formed TOML or JSON
	UnknownFormat     Rule = "unknown-format"      // a name that ends neither in .toml nor in .json
	BadEncoding       Rule = "bad-encoding"        // not UTF-8
	TooLarge          Rule = "too-large"           // more bytes than are read
	TooDeep           Rule = "too-deep"            // lists and objects too deep in each other
	Unreadable        Rule = "unreadable"          // the file cannot be read
	WrongShape        Rule = "wrong-shape"         // well-formed, but none of the forms that hold datasets
	MissingField      Rule = "missing-field"       // a required field is not given
	EmptyField        Rule = "empty-field"         // a required field is blank
	WrongType         Rule = "wrong-type"          // a field's value is of another kind
	UnknownScalarType Rule = "unknown-scalar-type" // not a known derived scalar type
	BadURL            Rule = "bad-url"             // not a URL that can be followed
	BadValue          Rule = "bad-value"           // a field's value is not one of those that it can have
	DuplicateKey      Rule = "duplicate-key"       // a key twice in one object
	DuplicateDataset  Rule = "duplicate-dataset"   // a dataset twice in one document
	EmptyDocument     Rule = "empty-document"      // nothing in it
	CasingConflict    Rule = "casing-conflict"     // a field in both casings, with different values
)

// A Severity tells whether a diagnostic keeps its document from being loaded.
type Severity uint8

// The severities.
const (
	Error   Severity = iota // the document is not loaded
	Warning                 // it is loaded all the same
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// A Diagnostic says what is wrong with a document, and where.
type Diagnostic struct {
	Severity Severity
	Rule     Rule
	File     string // name of the document
	Line     int    // from 1; 0: the document as a whole
	Column   int    // in characters, from 1
	Field    string // path of the field, like "datasets[2].short_name"; may be empty
	Message  string // what is wrong
}

// String returns the diagnostic as file:line:column: severity: field: message
// [rule], on one line whatever the names hold.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(printable(d.File))
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	fmt.Fprintf(&b, ": %v: ", d.Severity)
	if d.Field != "" {
		b.WriteString(printable(d.Field) + ": ")
	}
	fmt.Fprintf(&b, "%s [%s]", printable(d.Message), d.Rule)
	return b.String()
}

// printable escapes what would not stay on one line of a terminal.
func printable(s string) string {
	clean := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	quoted := fmt.Sprintf("%q", s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Diagnostics are all that was found, in the order in which it stands.
type Diagnostics []Diagnostic

// ErrInvalid is what the error of [Diagnostics.Err] is, for [errors.Is].
var ErrInvalid = errors.New("invalid dataset document")

// An InvalidError holds diagnostics of which one at least is an error.
type InvalidError struct{ Diagnostics Diagnostics }

// Error lists the errors among the diagnostics, one a line.
func (e *InvalidError) Error() string {
	var lines []string
	for _, d := range e.Diagnostics {
		if d.Severity == Error {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Is makes every InvalidError an [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Err returns an [*InvalidError] if one of the diagnostics is an error, nil if not.
func (ds Diagnostics) Err() error {
	if ds.Count(Error) == 0 {
		return nil
	}
	return &InvalidError{ds}
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
