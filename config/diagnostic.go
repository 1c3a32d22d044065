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
	RuleSyntax             Rule = "syntax"
	RuleUnknownFormat      Rule = "unknown-format"
	RuleBadEncoding        Rule = "bad-encoding"
	RuleTooLarge           Rule = "too-large"
	RuleTooDeep            Rule = "too-deep"
	RuleUnreadable         Rule = "unreadable"
	RuleWrongShape         Rule = "wrong-shape"
	RuleUnsupportedVersion Rule = "unsupported-version"
	RuleMissingField       Rule = "missing-field"
	RuleEmptyField         Rule = "empty-field"
	RuleWrongType          Rule = "wrong-type"
	RuleUnknownScalarType  Rule = "unknown-scalar-type"
	RuleBadURL             Rule = "bad-url"
	RuleBadValue           Rule = "bad-value"
	RuleDuplicateKey       Rule = "duplicate-key"
	RuleDuplicateDataset   Rule = "duplicate-dataset"

	RuleEmptyDocument     Rule = "empty-document"
	RuleUnknownField      Rule = "unknown-field"
	RuleNestedDataset     Rule = "nested-dataset"
	RuleOverridesOther    Rule = "overrides-other-file"
	RuleLegacyForm        Rule = "legacy-form"
	RuleCasingConflict    Rule = "casing-conflict"
	RuleDeprecatedInUse   Rule = "deprecated-in-use"
	RuleReplacedByMissing Rule = "replaced-by-missing"
	RuleViewerCannotShow  Rule = "viewer-cannot-show"
	RuleUnreachablePath   Rule = "unreachable-path"
	RuleAzurePath         Rule = "azure-path"
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
		{RuleSyntax, SeverityError, "the document is not well-formed TOML or JSON"},
		{RuleUnknownFormat, SeverityError, "the name ends neither in .toml nor in .json nor in .jsonc"},
		{RuleBadEncoding, SeverityError, "the document is neither UTF-8, nor UTF-16 with a byte order mark"},
		{RuleTooLarge, SeverityError, "the document has more bytes than are read"},
		{RuleTooDeep, SeverityError, "lists and objects lie too deep in each other"},
		{RuleUnreadable, SeverityError, "the file cannot be read"},
		{RuleWrongShape, SeverityError, "the document is well-formed, but has none of the forms that hold datasets"},
		{RuleUnsupportedVersion, SeverityError, "schema_version is none that there is; a newer one is a warning"},
		{RuleMissingField, SeverityError, "a required field is not given"},
		{RuleEmptyField, SeverityError, "a field that must not be blank is"},
		{RuleWrongType, SeverityError, "a field's value is of another kind"},
		{RuleUnknownScalarType, SeverityError, "derived_scalar_type is none of the known types"},
		{RuleBadURL, SeverityError, "a URL cannot be followed"},
		{RuleBadValue, SeverityError, "a field's value is not one that it can have"},
		{RuleDuplicateKey, SeverityError, "a key is given twice in one object or table"},
		{RuleDuplicateDataset, SeverityError, "a dataset is defined twice in one document"},
		{RuleUnreachablePath, SeverityError, "nothing is at the path of a dataset (only where asked for)"},
		{RuleEmptyDocument, SeverityWarning, "there is nothing in the document; an error where it held datasets before"},
		{RuleUnknownField, SeverityWarning, "a field is not known; it is kept as an extra field"},
		{RuleNestedDataset, SeverityWarning, "something that looks like a dataset stands inside another one"},
		{RuleOverridesOther, SeverityWarning, "a dataset overrides one of another file"},
		{RuleLegacyForm, SeverityWarning, "an older form is read that convert would bring up to date"},
		{RuleCasingConflict, SeverityWarning, "a field is given in both casings, with different values"},
		{RuleDeprecatedInUse, SeverityWarning, "a dataset is to be replaced by one that is deprecated itself"},
		{RuleReplacedByMissing, SeverityWarning, "replaced_by names a dataset that there is not"},
		{RuleViewerCannotShow, SeverityWarning, "the public neuron viewer cannot show the dataset (only where asked for)"},
		{RuleAzurePath, SeverityHint, "an az:// path also has an https form, which browsers can read"},
	}
}

// A Severity tells what a diagnostic means for its document.
type Severity uint8

// The severities.
const (
	SeverityError   Severity = iota // the document is not loaded
	SeverityWarning                 // it is loaded all the same
	SeverityHint                    // it is loaded, and nothing is wrong with it
)

// String returns "error", "warning" or "hint".
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
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
