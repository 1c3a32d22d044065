//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	cliPage = "../../docs/cli.md"
	manDir  = "../../docs/man"
)

// TestPages holds docs/cli.md and the man pages against the commands.
func TestPages(t *testing.T) {
	pages := manPages(t)
	pages[cliPage] = cliReference(t)
	if *update {
		require.NoError(t, os.RemoveAll(manDir))
		require.NoError(t, os.MkdirAll(manDir, 0o755))
		for name, page := range pages {
			require.NoError(t, os.WriteFile(name, page, 0o644))
		}
	}
	for name, page := range pages {
		have, err := os.ReadFile(name)
		require.NoError(t, err)
		if line := firstDifference(string(page), string(have)); line > 0 {
			assert.Fail(t, fmt.Sprintf("%s:%d differs from the commands; run go test ./cmd/neurondex -run TestPages -update", name, line))
		}
	}
	found, err := filepath.Glob(manDir + "/*")
	require.NoError(t, err)
	for _, name := range found {
		assert.Contains(t, pages, name, "a page of no command; run go test ./cmd/neurondex -run TestPages -update")
	}
}

// firstDifference returns the number of the first line that differs, or 0.
func firstDifference(a, b string) int {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		if i >= len(as) || i >= len(bs) || as[i] != bs[i] {
			return i + 1
		}
	}
	return 0
}

// documented returns all commands, parents first, with their descriptions in Markdown.
func documented() []*cobra.Command {
	root := newRootCommand()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	var all []*cobra.Command
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		c.Long = describe(c.Long)
		all = append(all, c)
		for _, child := range c.Commands() {
			if child.IsAvailableCommand() {
				add(child)
			}
		}
	}
	add(root)
	return all
}

// cliReference returns one page about all commands.
func cliReference(t *testing.T) []byte {
	t.Helper()
	page := bytes.NewBufferString("# The command line\n\nThis page is generated from the commands. `neurondex COMMAND --help` prints the same.\n\n")
	anchor := func(file string) string {
		return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
	}
	for _, cmd := range documented() {
		require.NoError(t, doc.GenMarkdownCustom(cmd, page, anchor))
	}
	return append(bytes.TrimSpace(page.Bytes()), '\n')
}

// manPages returns a page for each command, by file.
func manPages(t *testing.T) map[string][]byte {
	t.Helper()
	pages := make(map[string][]byte)
	shared := make(map[*pflag.Flag]string) // commands share the flags of their parents
	for _, cmd := range documented() {
		cmd.InitDefaultHelpFlag()
		arguments := make(map[string]string)
		document := func(f *pflag.Flag) {
			if _, ok := shared[f]; !ok {
				shared[f] = documentFlag(f)
			}
			arguments[f.Name] = shared[f]
		}
		cmd.NonInheritedFlags().VisitAll(document)
		cmd.InheritedFlags().VisitAll(document)
		var page bytes.Buffer
		require.NoError(t, doc.GenMan(cmd, &doc.GenManHeader{Date: &time.Time{}, Source: "neurondex", Manual: "neurondex"}, &page))
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		pages[filepath.Join(manDir, name)] = typeset(page.String(), arguments)
	}
	return pages
}

// describe turns the description of a command into Markdown: indented lines are shown as they
// are, and the others mean what they say.
func describe(long string) string {
	var out strings.Builder
	wasCode := false
	for line := range strings.Lines(long) {
		isCode := strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		if isCode != wasCode && strings.TrimSpace(line) != "" {
			out.WriteString("\n")
			wasCode = isCode
		}
		if isCode {
			out.WriteString("    " + strings.TrimPrefix(strings.TrimPrefix(line, "\t"), "  "))
		} else {
			out.WriteString(escapeMarkdown(line))
		}
	}
	return out.String()
}

func escapeMarkdown(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`).Replace(text)
}

// documentFlag adds the default of a flag to its description, and returns the name of its
// argument, or "".
func documentFlag(f *pflag.Flag) string {
	argument, usage := pflag.UnquoteUsage(f)
	f.Usage = escapeMarkdown(usage)
	if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" {
		f.Usage += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return argument
}

var (
	generatedOption = regexp.MustCompile(`(?m)^(?:\.PP\n)?((?:\\fB-\w\\fP, )?\\fB--([\w-]+)\\fP).*\n\t`)
	bareHyphen      = regexp.MustCompile(`(^|[^\\])-`)
)

const generatedDate = `"Jan 0001"`

// typeset improves what the generator makes of a page: options are a list and name their
// arguments, lines break at spaces only, and the page has no date.
func typeset(page string, arguments map[string]string) []byte {
	page = generatedOption.ReplaceAllStringFunc(page, func(option string) string {
		m := generatedOption.FindStringSubmatch(option)
		if argument := arguments[m[2]]; argument != "" {
			return ".TP\n" + m[1] + `=\fI` + argument + "\\fP\n"
		}
		return ".TP\n" + m[1] + "\n"
	})
	var out strings.Builder
	out.WriteString(".nr HY 0\n")
	for line := range strings.Lines(strings.TrimPrefix(page, ".nh\n")) {
		if heading, ok := strings.CutPrefix(line, ".TH "); ok {
			line = ".TH " + strings.Replace(heading, generatedDate, `""`, 1) + ".ad l\n"
		} else if !strings.HasPrefix(line, ".") {
			for bareHyphen.MatchString(line) {
				line = bareHyphen.ReplaceAllString(line, `$1\-`)
			}
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}
