package config

import (
	"fmt"
	"slices"
)

// A Severity is how serious a diagnostic is. The zero value is [SeverityError].
type Severity uint8

// The severities, the most serious first.
const (
	SeverityError   Severity = iota // the document is rejected
	SeverityWarning                 // the document is loaded, and is probably not what its author meant
	SeverityHint                    // the document is loaded, and could be better
)

var severityNames = []string{SeverityError: "error", SeverityWarning: "warning", SeverityHint: "hint"}

// String returns "error", "warning" or "hint", and "Severity(n)" for any other value n.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText returns the text of String. It fails if s is not one of the constants.
func (s Severity) MarshalText() ([]byte, error) {
	if int(s) < len(severityNames) {
		return []byte(severityNames[s]), nil
	}
	return nil, fmt.Errorf("config: invalid %v", s)
}

// UnmarshalText sets s to the severity that MarshalText writes as text. It fails for any
// other text.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityNames, string(text))
	if i < 0 {
		return fmt.Errorf("config: invalid severity %q", text)
	}
	*s = Severity(i)
	return nil
}
