package watcher

import (
	"strings"

	"github.com/neurondex/neurondex/config"
)

// A problem is what a diagnostic says, apart from where: an edit moves what is below it.
type problem struct {
	severity                          config.Severity
	rule                              config.Rule
	field, value, message, suggestion string
}

func problemOf(d *config.Diagnostic) problem {
	if d.Rule == config.RuleMoreProblems { // its message has a number
		return problem{severity: d.Severity, rule: d.Rule}
	}
	return problem{d.Severity, d.Rule, withoutIndexes(d.Field), d.Value, d.Message, d.Suggestion}
}

// withoutIndexes returns the path of a field with [] for each index of a list.
func withoutIndexes(field string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(field, "[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('[')
		field = strings.TrimLeft(rest, "0123456789")
	}
}

// news returns the diagnostics of a document that it did not have before, in their order. Of
// several that differ only in their positions, those beyond the number before are new.
func news(before, after config.Diagnostics) config.Diagnostics {
	known := make(map[problem]int, len(before))
	for i := range before {
		known[problemOf(&before[i])]++
	}
	var fresh config.Diagnostics
	for i := range after {
		p := problemOf(&after[i])
		if known[p] > 0 {
			known[p]--
			continue
		}
		fresh = append(fresh, after[i])
	}
	return fresh
}
