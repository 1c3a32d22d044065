package main

import (
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/neurondex/neurondex/registry"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionTimeout bounds how long a shell waits for the names of datasets.
const completionTimeout = 2 * time.Second

// setupCompletion makes shells complete what the arguments of flags are: files and
// directories if the help calls them so, and otherwise nothing but what [choose] lists.
func setupCompletion(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, cmd := range append(root.Commands(), root) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			var directive cobra.ShellCompDirective
			switch argument, _ := pflag.UnquoteUsage(f); argument {
			case "directory":
				directive = cobra.ShellCompDirectiveFilterDirs
			case "file":
				directive = cobra.ShellCompDirectiveDefault
			default:
				return
			}
			if err := cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(nil, directive)); err != nil {
				panic(err) // the flag has another completion
			}
		})
	}
}

// isCompletion reports whether a shell runs the command to complete a line.
func isCompletion(cmd *cobra.Command) bool { return cmd.Name() == cobra.ShellCompRequestCmd }

// completeDatasetFiles completes the names of dataset files, and of directories.
func completeDatasetFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"toml", "json", "jsonc"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeKey completes a short name, and then one of its types.
func completeKey(s *settings) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 || s.load(cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		loaded := make(chan []string, 1)
		go func() { loaded <- s.completions(args, prefix) }()
		select {
		case words := <-loaded:
			return words, cobra.ShellCompDirectiveNoFileComp
		case <-time.After(completionTimeout): // the process ends, and with it the load
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// completions returns what may follow args: short names, or the types of one, each with the
// name of a dataset as its description. Invalid documents, and directories that cannot be
// read, complete nothing.
func (s *settings) completions(args []string, prefix string) []string {
	snapshot, _, err := loadAll(s, io.Discard)
	if err != nil {
		return nil
	}
	datasets, word := snapshot.All(), registry.Dataset.ShortName
	if len(args) == 1 {
		datasets, word = snapshot.Named(args[0]), func(d registry.Dataset) string { return string(d.DerivedScalarType()) }
	}
	var words []string
	seen := make(map[string]bool)
	for d := range datasets {
		w := word(d)
		if !strings.HasPrefix(w, prefix) || seen[w] || !isWord(w) {
			continue
		}
		seen[w] = true
		words = append(words, cobra.CompletionWithDesc(w, cell(d.UserVisibleName())))
	}
	return words
}

// isWord reports whether a shell can complete a word. It receives one word a line, with its
// description behind a tab.
func isWord(word string) bool {
	return word == strings.TrimSpace(word) && !strings.ContainsFunc(word, unicode.IsControl)
}
