package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Rule is the stable name of what a diagnostic is about.
type Rule string

// The rules. [Rules] describes them.
const (
	Syntax             Rule = "syntax"
	UnknownFormat      Rule = "unknown-format"
	BadEncoding        Rule = "bad-encoding"
	TooLarge           Rule = "too-large"
	TooDeep            Rule = "too-deep"
	Unreadable         Rule = "unreadable"
	WrongShape         Rule = "wrong-shape"
	UnsupportedVersion Rule = "unsupported-version"
	MissingField       Rule = "missing-field"
	EmptyField         Rule = "empty-field"
	WrongType          Rule = "wrong-type"
	UnknownScalarType  Rule = "unknown-scalar-type"
	BadURL             Rule = "bad-url"
	BadValue           Rule = "bad-value"
	DuplicateKey       Rule = "duplicate-key"
	DuplicateDataset   Rule = "duplicate-dataset"

	EmptyDocument     Rule = "empty-document"
	UnknownField      Rule = "unknown-field"
	NestedDataset     Rule = "nested-dataset"
	OverridesOther    Rule = "overrides-other-file"
	LegacyForm        Rule = "legacy-form"
	CasingConflict    Rule = "casing-conflict"
	DeprecatedInUse   Rule = "deprecated-in-use"
	ReplacedByMissing Rule = "replaced-by-missing"
	ViewerCannotShow  Rule = "viewer-cannot-show"
	UnreachablePath   Rule = "unreachable-path"
	AzurePath         Rule = "azure-path"
)

// A RuleInfo describes a rule to people.
type RuleInfo struct {
	Rule     Rule
	Severity Severity // the most severe that its diagnostics have
	Summary  string
}

// Rules returns every rule of this package, errors first.
func Rules() []RuleInfo {
	return []RuleInfo{
		{Syntax, Error, "the document is not well-formed TOML or JSON"},
		{UnknownFormat, Error, "the name ends neither in .toml nor in .json nor in .jsonc"},
		{BadEncoding, Error, "the document is neither UTF-8, nor UTF-16 with a byte order mark"},
		{TooLarge, Error, "the document has more bytes than are read"},
		{TooDeep, Error, "lists and objects lie too deep in each other"},
		{Unreadable, Error, "the file cannot be read"},
		{WrongShape, Error, "the document is well-formed, but has none of the forms that hold datasets"},
		{UnsupportedVersion, Error, "schema_version is none that there is; a newer one is a warning"},
		{MissingField, Error, "a required field is not given"},
		{EmptyField, Error, "a field that must not be blank is"},
		{WrongType, Error, "a field's value is of another kind"},
		{UnknownScalarType, Error, "derived_scalar_type is none of the known types"},
		{BadURL, Error, "a URL cannot be followed"},
		{BadValue, Error, "a field's value is not one that it can have"},
		{DuplicateKey, Error, "a key is given twice in one object or table"},
		{DuplicateDataset, Error, "a dataset is defined twice in one document"},
		{UnreachablePath, Error, "nothing is at the path of a dataset (only where asked for)"},
		{EmptyDocument, Warning, "there is nothing in the document; an error where it held datasets before"},
		{UnknownField, Warning, "a field is not known; it is kept as an extra field"},
		{NestedDataset, Warning, "something that looks like a dataset stands inside another one"},
		{OverridesOther, Warning, "a dataset overrides one of another file"},
		{LegacyForm, Warning, "an older form is read that convert would bring up to date"},
		{CasingConflict, Warning, "a field is given in both casings, with different values"},
		{DeprecatedInUse, Warning, "a dataset is to be replaced by one that is deprecated itself"},
		{ReplacedByMissing, Warning, "replaced_by names a dataset that there is not"},
		{ViewerCannotShow, Warning, "the public neuron viewer cannot show the dataset (only where asked for)"},
		{AzurePath, Hint, "an az:// path also has an https form, which browsers can read"},
	}
}

// A Severity tells what a diagnostic means for its document.
type Severity uint8

// The severities.
const (
	Error   Severity = iota // the document is not loaded
	Warning                 // it is loaded all the same
	Hint                    // it is loaded, and nothing is wrong with it
)

// String returns "error", "warning" or "hint".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "hint"
	}
}

// A Diagnostic says what is wrong with a document, and where.
type Diagnostic struct {
	Severity   Severity
	Rule       Rule
	File       string // name of the document
	Line       int    // from 1; 0: the document as a whole
	Column     int    // in characters, from 1
	Field      string // path of the field, like "datasets[2].short_name"; may be empty
	Value      string // the value at fault, as text and cut if it is long; may be empty
	Message    string // what is wrong
	Suggestion string // what was probably meant; may be empty
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
