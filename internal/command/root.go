package command

import (
	"strings"

	"github.com/spf13/cobra"
)

func newRootCommand() *cobra.Command {
	s := new(settings)
	root := &cobra.Command{
		Use:   "neurondex",
		Short: "Find, validate and serve neuron datasets",
		Long: `neurondex knows which neuron datasets exist and where their collated activations
are stored. It reads them from a directory of TOML and JSON files (--dir), from the
newest release that was pushed to a store (--store), or from another neurondex (--from).
The nine datasets of the public Transformer Debugger are built in and used by default.

Every flag can also be set in the environment (NEURONDEX_LOG_FORMAT for
--log-format) or in the file named by --config (log-format = "json"). A variable
holds several directories, patterns or fields as PATH does, and several origins or
hosts with commas between them.

Exit codes:
  0  success
  1  invalid data, or no such dataset
  2  invalid usage, or something that cannot be read or written
  3  warnings, with --strict`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return s.load(cmd) },
	}
	root.SetFlagErrorFunc(explainFlagError)
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), localFlags, groupedFlags, 1))
	root.PersistentFlags().String("config", "", "read flags from a TOML, JSON or YAML `file`")
	root.AddCommand(newServeCommand(s), newWatchCommand(s), newListCommand(s), newGetCommand(s), newResolveCommand(s), newTypesCommand(s),
		newRecordCommand(s), newRecordsCommand(s), newValidateCommand(s), newConvertCommand(s), newSchemaCommand(s), newVersionCommand(),
		newPushCommand(s), newHistoryCommand(s), newRollbackCommand(s), newPullCommand(s), newPruneCommand(s), newKeygenCommand(s))
	setupCompletion(root)
	return root
}
