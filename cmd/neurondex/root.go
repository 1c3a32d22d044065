package main

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// settings holds the values of all flags. A value comes from the command line, from the
// environment (NEURONDEX_DIR for --dir) or from the file of --config, in this order.
type settings struct{ *viper.Viper }

func newRootCommand() *cobra.Command {
	s := settings{viper.New()}
	root := &cobra.Command{
		Use:   "neurondex",
		Short: "Find, validate and serve neuron datasets",
		Long: `neurondex knows which neuron datasets exist and where their collated activations
are stored. It reads them from a directory of TOML and JSON files (--dir). The nine
datasets of the public Transformer Debugger are built in and used by default.

Every flag can also be set in the environment (NEURONDEX_LOG_FORMAT for
--log-format) or in the file named by --config (log-format = "json").

Exit codes:
  0  success
  1  invalid data, or no such dataset
  2  invalid usage, or a file or directory that cannot be read
  3  warnings, with --strict`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return s.load(cmd) },
	}
	root.PersistentFlags().String("config", "", "read flags from a TOML, JSON or YAML `file`")
	root.AddCommand(newServeCommand(s), newWatchCommand(s), newListCommand(s), newGetCommand(s), newResolveCommand(s), newTypesCommand(s),
		newValidateCommand(s), newConvertCommand(s), newSchemaCommand(s), newVersionCommand())
	return root
}

// load binds the flags of cmd to the environment and to the file of --config.
func (s settings) load(cmd *cobra.Command) error {
	s.SetEnvPrefix("neurondex")
	s.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	s.AutomaticEnv()
	if err := s.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	file := s.GetString("config")
	if file == "" {
		return nil
	}
	own := viper.New()
	own.SetConfigFile(file)
	if err := own.ReadInConfig(); err != nil {
		return fmt.Errorf("--config: %w", err)
	}
	for key, value := range own.AllSettings() {
		name := strings.ReplaceAll(key, "_", "-")
		if !isFlag(cmd.Root(), name) {
			return fmt.Errorf("--config: %s: unknown setting %q", file, key)
		}
		// Merged as a file's value, as a default of Viper would yield to the flag's default.
		if err := s.MergeConfigMap(map[string]any{name: value}); err != nil {
			return fmt.Errorf("--config: %w", err)
		}
	}
	return nil
}

// isFlag reports whether any command has the named flag, as one file serves all commands.
func isFlag(root *cobra.Command, name string) bool {
	has := func(f *pflag.FlagSet) bool { return f.Lookup(name) != nil }
	return name != "config" && slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return has(c.Flags()) })
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			version, goVersion := "unknown", "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				version, goVersion = info.Main.Version, info.GoVersion
			}
			fmt.Fprintf(cmd.OutOrStdout(), "neurondex %s (%s)\n", version, goVersion)
		},
	}
}
