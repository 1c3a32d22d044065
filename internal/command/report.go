package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/internal/excerpt"
	"github.com/neurondex/neurondex/registry"
)

// A fileReport is the result of validating one file.
type fileReport struct {
	name     string
	ignored  bool              // the file is not read
	format   string            // a name with the extension of the format; empty if name has it
	source   []byte            // for excerpts; nil if there are none to show
	document registry.Document // empty if the file is invalid
	found    config.Diagnostics
}

// reportWriters holds the values of --format.
var reportWriters = map[string]func(io.Writer, []fileReport) error{
	"text":   writeText,
	"json":   writeJSONReport,
	"github": writeGitHub,
	"sarif":  writeSARIF,
}

// each calls f for every diagnostic until f returns an error.
func each(reports []fileReport, f func(config.Diagnostic) error) error {
	for _, r := range reports {
		for _, d := range r.found {
			if err := f(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyErrors returns the reports without warnings and hints.
func onlyErrors(reports []fileReport) []fileReport {
	reports = slices.Clone(reports)
	for i := range reports {
		r := &reports[i]
		r.found = slices.DeleteFunc(slices.Clone(r.found), func(d config.Diagnostic) bool { return d.Severity != config.SeverityError })
	}
	return reports
}

// countSeverity returns the number of diagnostics of the given severity that are shown.
func countSeverity(reports []fileReport, s config.Severity) (n int) {
	_ = each(reports, func(d config.Diagnostic) error {
		if d.Severity == s && d.Rule != config.RuleMoreProblems {
			n++
		}
		return nil
	})
	return n
}

// countMore returns the number of problems that are not shown.
func countMore(reports []fileReport) (n int) {
	_ = each(reports, func(d config.Diagnostic) error {
		n += d.More
		return nil
	})
	return n
}

var severityColors = map[config.Severity]*color.Color{
	config.SeverityError:   color.New(color.FgRed, color.Bold),
	config.SeverityWarning: color.New(color.FgYellow, color.Bold),
	config.SeverityHint:    color.New(color.FgCyan, color.Bold),
}

// writeText writes the findings and a summary.
func writeText(w io.Writer, reports []fileReport) error {
	if err := writeFindings(w, reports); err != nil {
		return err
	}
	return writeSummary(w, reports)
}

// writeFindings writes each diagnostic on a line, followed by the source line with a caret below
// the column.
func writeFindings(w io.Writer, reports []fileReport) error {
	bold := color.New(color.Bold)
	for _, r := range reports {
		source := excerpt.New(r.source)
		for _, d := range r.found {
			paint := severityColors[d.Severity]
			place, rest, _ := strings.Cut(d.String(), ": "+d.Severity.String()+": ")
			if _, err := fmt.Fprintf(w, "%s: %s: %s\n", bold.Sprint(place), paint.Sprint(d.Severity), rest); err != nil {
				return err
			}
			line, caret := source.Line(d.Line, d.Column)
			if line == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "    %s\n    %s\n", line, paint.Sprint(caret)); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeSummary writes how many files and datasets there are, and how many findings.
func writeSummary(w io.Writer, reports []fileReport) error {
	files, datasets, others := 0, 0, ""
	for _, r := range reports {
		if !r.ignored {
			files++
		}
		datasets += len(r.document.Datasets)
	}
	if n := countSeverity(reports, config.SeverityHint); n > 0 {
		others = ", " + count(n, "hint")
	}
	if n := countMore(reports); n > 0 {
		others += ", " + count(n, "more problem")
	}
	_, err := fmt.Fprintf(w, "%s with %s: %s, %s%s\n", count(files, "file"), count(datasets, "dataset"),
		count(countSeverity(reports, config.SeverityError), "error"), count(countSeverity(reports, config.SeverityWarning), "warning"), others)
	return err
}

// count returns a number with its noun in the right form.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeJSONReport writes the diagnostics as a JSON array.
func writeJSONReport(w io.Writer, reports []fileReport) error {
	all := config.Diagnostics{} // not nil, which would be null
	for _, r := range reports {
		all = append(all, r.found...)
	}
	return printJSON(w, all)
}

// writeGitHub writes workflow commands, which GitHub Actions shows next to the lines of a
// pull request.
func writeGitHub(w io.Writer, reports []fileReport) error {
	text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return each(reports, func(d config.Diagnostic) error {
		command := map[config.Severity]string{config.SeverityError: "error", config.SeverityWarning: "warning", config.SeverityHint: "notice"}[d.Severity]
		where := "file=" + property.Replace(d.File)
		if d.Line > 0 {
			where += fmt.Sprintf(",line=%d,col=%d", d.Line, d.Column)
		}
		_, err := fmt.Fprintf(w, "::%s %s,title=%s::%s\n", command, where, property.Replace(string(d.Rule)), text.Replace(d.Text()))
		return err
	})
}

// The types are the part of SARIF 2.1.0 that writeSARIF writes:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               config.Rule        `json:"id"`
		ShortDescription sarifText          `json:"shortDescription"`
		Configuration    sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    config.Rule     `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// writeSARIF writes a SARIF log, which code scanning tools read.
func writeSARIF(w io.Writer, reports []fileReport) error {
	level := map[config.Severity]string{config.SeverityError: "error", config.SeverityWarning: "warning", config.SeverityHint: "note"}
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "neurondex", InformationURI: "https://github.com/neurondex/neurondex"}
	index := make(map[config.Rule]int)
	for i, r := range config.Rules() {
		index[r.Rule] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.Rule, sarifText{r.Summary}, sarifConfiguration{level[r.Severity]}})
	}
	_ = each(reports, func(d config.Diagnostic) error {
		at := sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: filepath.ToSlash(d.File)}).String()}}
		if d.Line > 0 {
			at.Region = &sarifRegion{d.Line, d.Column}
		}
		run.Results = append(run.Results, sarifResult{d.Rule, index[d.Rule], level[d.Severity], sarifText{d.Text()}, []sarifLocation{{at}}})
		return nil
	})
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
