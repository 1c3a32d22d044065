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

// settings are where every command reads its flags: from the command line, the
// environment (NEURONDEX_DIR for --dir) or the file of --config, the first that has it.
type settings struct{ *viper.Viper }

func newRootCommand() *cobra.Command {
	s := settings{viper.New()}
	root := &cobra.Command{
		Use:   "neurondex",
		Short: "Know which neuron datasets there are, and where",
		Long: `neurondex knows which neuron datasets there are, and where their collated
activations lie. It reads them from a directory of TOML and JSON files; where no
directory is given, the nine of the public Transformer Debugger are built in.

Every flag may also be given through the environment (--log-format as
NEURONDEX_LOG_FORMAT) or in a file that --config names (log-format = "json").

Exit codes: 0 fine; 1 the data is invalid, or what was asked for is not there;
2 wrong usage, or something cannot be read; 3 there are warnings, and --strict.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return s.load(cmd) },
	}
	root.PersistentFlags().String("config", "", "read flags from this TOML, JSON or YAML `file`")
	root.AddCommand(newServeCommand(s), newWatchCommand(s), newListCommand(s), newGetCommand(s), newResolveCommand(s), newTypesCommand(s),
		newValidateCommand(s), newConvertCommand(s), newSchemaCommand(s), newVersionCommand())
	return root
}

// load binds a command's flags to the environment and the config file.
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
			return fmt.Errorf("--config: %s: there is no setting called %q", file, key)
		}
		// A default of Viper's own gives way to that of a flag, so it is merged as a file.
		if err := s.MergeConfigMap(map[string]any{name: value}); err != nil {
			return fmt.Errorf("--config: %w", err)
		}
	}
	return nil
}

// isFlag reports whether any command has a flag of the name: one file serves them all.
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
