package config

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
