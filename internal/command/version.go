package command

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			version := "unknown version"
			if info, ok := debug.ReadBuildInfo(); ok {
				version = describeBuild(info)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "neurondex", version)
			return err
		},
	}
}

// describeBuild returns the version of a build, and in parentheses the commit and its date, as
// far as they are known, and the version of Go.
func describeBuild(info *debug.BuildInfo) string {
	vcs := make(map[string]string)
	for _, s := range info.Settings {
		vcs[s.Key] = s.Value
	}
	var details []string
	if commit := vcs["vcs.revision"]; commit != "" {
		if vcs["vcs.modified"] == "true" {
			commit += " with changes"
		}
		details = append(details, "commit "+commit)
	}
	if date := vcs["vcs.time"]; date != "" {
		details = append(details, date)
	}
	details = append(details, info.GoVersion)
	return fmt.Sprintf("%s (%s)", info.Main.Version, strings.Join(details, ", "))
}
