package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
)

// A fileReport is the result of validating one file.
type fileReport struct {
	name     string
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
func each(reports []fileReport, f func(fileReport, config.Diagnostic) error) error {
	for _, r := range reports {
		for _, d := range r.found {
			if err := f(r, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// countSeverity returns the number of diagnostics of the given severity.
func countSeverity(reports []fileReport, s config.Severity) (n int) {
	for _, r := range reports {
		n += r.found.Count(s)
	}
	return n
}

var severityColors = map[config.Severity]*color.Color{
	config.SeverityError:   color.New(color.FgRed, color.Bold),
	config.SeverityWarning: color.New(color.FgYellow, color.Bold),
	config.SeverityHint:    color.New(color.FgCyan, color.Bold),
}

// writeText writes each diagnostic on a line, followed by the source line with a caret below
// the column, and a summary at the end.
func writeText(w io.Writer, reports []fileReport) error {
	bold := color.New(color.Bold)
	err := each(reports, func(r fileReport, d config.Diagnostic) error {
		paint := severityColors[d.Severity]
		place, rest, _ := strings.Cut(d.String(), ": "+d.Severity.String()+": ")
		if _, err := fmt.Fprintf(w, "%s: %s: %s\n", bold.Sprint(place), paint.Sprint(d.Severity), rest); err != nil {
			return err
		}
		if line, caret := excerpt(r.source, d.Line, d.Column); line != "" {
			_, err := fmt.Fprintf(w, "    %s\n    %s\n", line, paint.Sprint(caret))
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	datasets := 0
	for _, r := range reports {
		datasets += len(r.document.Datasets)
	}
	hints := ""
	if n := countSeverity(reports, config.SeverityHint); n > 0 {
		hints = ", " + count(n, "hint")
	}
	_, err = fmt.Fprintf(w, "%s with %s: %s, %s%s\n", count(len(reports), "file"), count(datasets, "dataset"),
		count(countSeverity(reports, config.SeverityError), "error"), count(countSeverity(reports, config.SeverityWarning), "warning"), hints)
	return err
}

// count returns a number with its noun in the right form.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// excerptWidth is the number of characters shown of a long line.
const excerptWidth = 100

// excerpt returns a line of the source, escaped for a terminal, and a line with a caret below
// the column. Both are empty if there is no such line or the source is not UTF-8.
func excerpt(source []byte, line, column int) (text, caret string) {
	source = bytes.TrimPrefix(source, []byte("\xef\xbb\xbf"))
	if line < 1 || !utf8.Valid(source) {
		return "", ""
	}
	for range line - 1 {
		i := bytes.IndexByte(source, '\n')
		if i < 0 {
			return "", ""
		}
		source = source[i+1:]
	}
	if i := bytes.IndexByte(source, '\n'); i >= 0 {
		source = source[:i]
	}
	runes := []rune(strings.TrimSuffix(string(source), "\r"))
	at := min(max(column-1, 0), len(runes))
	start, end := 0, len(runes)
	if len(runes) > excerptWidth {
		start = max(0, min(at-excerptWidth/2, len(runes)-excerptWidth))
		end = start + excerptWidth
	}
	var shown, below strings.Builder
	if start > 0 {
		shown.WriteString("...")
		below.WriteString("   ")
	}
	for i, r := range runes[start:end] {
		cell := string(r)
		switch {
		case r == '\t': // kept in both lines, which aligns the caret
		case !unicode.IsPrint(r):
			cell = strings.Trim(strconv.QuoteRune(r), "'")
		}
		shown.WriteString(cell)
		if start+i < at {
			if r == '\t' {
				below.WriteByte('\t')
			} else {
				below.WriteString(strings.Repeat(" ", utf8.RuneCountInString(cell)))
			}
		}
	}
	if end < len(runes) {
		shown.WriteString("...")
	}
	return shown.String(), below.String() + "^"
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
	return each(reports, func(_ fileReport, d config.Diagnostic) error {
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
	_ = each(reports, func(_ fileReport, d config.Diagnostic) error {
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
