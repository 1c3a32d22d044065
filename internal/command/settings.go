package command

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// settings are the values of the flags of the command that runs. A value comes from the
// command line, from the environment (NEURONDEX_DIR for --dir) or from the file of --config,
// in this order. Wherever it comes from, the flag parses it.
type settings struct {
	flags   *pflag.FlagSet
	origins map[string]string // of values that are not from the command line, for messages
}

// A setting is a value from outside the command line.
type setting struct {
	origin string
	value  any // as the file holds it; a string from the environment
}

// load sets the flags that the command line does not give.
func (s *settings) load(cmd *cobra.Command) error {
	if isCompletion(cmd) { // what it prints to standard error would appear in the line
		cmd.Root().SetErr(io.Discard)
		return nil
	}
	s.flags, s.origins = cmd.Flags(), make(map[string]string)
	known := knownFlags(cmd.Root())
	if err := s.set(s.flags.Lookup("config"), nil); err != nil {
		return err
	}
	file, err := s.readFile(known)
	if err != nil {
		return err
	}
	s.flags.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(known, f.Name) {
			err = errors.Join(err, s.set(f, file))
		}
	})
	if err == nil {
		s.warn(cmd.ErrOrStderr(), unknownVariables(known))
	}
	return err
}

// warn writes messages to the log, or plainly if the command has none.
func (s *settings) warn(w io.Writer, messages []string) {
	for _, m := range messages {
		if s.flags.Lookup("log-format") != nil {
			s.newLogger(slog.LevelWarn, w).Warn(m)
		} else {
			fmt.Fprintln(w, "neurondex: warning:", m)
		}
	}
}

// set sets a flag that the command line does not give. An empty variable counts as unset.
func (s *settings) set(f *pflag.Flag, file map[string]setting) error {
	from, ok := file[f.Name]
	if text := os.Getenv(variable(f.Name)); text != "" {
		from, ok = setting{variable(f.Name), text}, true
	}
	if !ok || f.Changed {
		return nil
	}
	s.origins[f.Name] = from.origin
	words, err := words(f, from.value)
	if err != nil {
		return fmt.Errorf("%s: %w", from.origin, err)
	}
	for _, word := range words {
		if err := f.Value.Set(word); err != nil {
			return invalidValue(from.origin, f, word, err)
		}
	}
	return nil
}

// words returns the arguments that the command line would give for a value: one, or those of
// a list.
func words(f *pflag.Flag, value any) ([]string, error) {
	list, isList := value.([]any)
	switch isPaths := f.Value.Type() == "stringArray"; {
	case !isList:
		word, err := scalar(value)
		if isPaths && err == nil {
			return filepath.SplitList(word), nil
		}
		return []string{word}, err
	case !isPaths && f.Value.Type() != "stringSlice":
		return nil, errors.New("must be a single value, not a list")
	}
	var out []string
	for _, item := range list {
		word, err := scalar(item)
		if err != nil {
			return nil, err
		}
		out = append(out, word)
	}
	return out, nil
}

func scalar(value any) (string, error) {
	switch value.(type) {
	case string, bool, int, int64, uint64, float64:
		return fmt.Sprint(value), nil
	default:
		return "", errors.New("must be a string, a number, a boolean or a list of them")
	}
}

// readFile reads the file of --config, if any.
func (s *settings) readFile(known []string) (map[string]setting, error) {
	path := s.GetString("config")
	if path == "" {
		return nil, nil
	}
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00")) // web.config.file is one key
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("config"), err)
	}
	file := make(map[string]setting)
	for key, value := range dotted(v.AllSettings(), known) {
		name := key
		if i := slices.IndexFunc(known, func(flag string) bool { return variable(flag) == variable(key) }); i >= 0 {
			name = known[i]
		}
		origin := path + ": " + key
		if !slices.Contains(known, name) || name == "config" {
			return nil, fmt.Errorf("%s: unknown setting%s", origin, didYouMean(key, known, func(name string) string { return strings.ReplaceAll(name, "-", "_") }))
		}
		if _, ok := file[name]; ok {
			return nil, fmt.Errorf("%s: given twice, in two spellings", origin)
		}
		file[name] = setting{origin, value}
	}
	return file, nil
}

// dotted returns the entries of a table. A table in it counts as several settings if their names
// have dots, as TOML reads web.config.file = "web.yml".
func dotted(table map[string]any, known []string) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		var visit func(prefix string, table map[string]any) bool
		visit = func(prefix string, table map[string]any) bool {
			for key, value := range table {
				name := prefix + key
				inner, isTable := value.(map[string]any)
				if isTable && slices.ContainsFunc(known, func(flag string) bool { return strings.HasPrefix(flag, name+".") }) {
					if !visit(name+".", inner) {
						return false
					}
				} else if !yield(name, value) {
					return false
				}
			}
			return true
		}
		visit("", table)
	}
}

// origin returns where the value of a flag comes from.
func (s *settings) origin(name string) string {
	if origin, ok := s.origins[name]; ok {
		return origin
	}
	return "--" + name
}

// variable returns the name of the environment variable for a flag.
func variable(flag string) string {
	return "NEURONDEX_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
}

// knownFlags returns the names of the flags of all commands, as one environment and one file
// serve all of them.
func knownFlags(root *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if f.Name != "help" && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	root.PersistentFlags().VisitAll(add)
	var addAll func(*cobra.Command)
	addAll = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			c.Flags().VisitAll(add)
			addAll(c)
		}
	}
	addAll(root)
	return names
}

// serviceVariable matches what Kubernetes sets in every pod if a service is named neurondex.
var serviceVariable = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$`)

// unknownVariables returns a message for each variable that looks like a setting and is none.
func unknownVariables(known []string) []string {
	var messages []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variable("")) || serviceVariable.MatchString(name) ||
			slices.ContainsFunc(known, func(flag string) bool { return variable(flag) == name }) {
			continue
		}
		messages = append(messages, fmt.Sprintf("%s: unknown setting%s", name, didYouMean(name, known, variable)))
	}
	return messages
}

// didYouMean returns a suggestion for a misspelled setting, or "".
func didYouMean(text string, known []string, spell func(flag string) string) string {
	best, at := "", 3 // accept a distance of up to 2
	for _, flag := range known {
		if d := levenshtein.Distance(text, spell(flag), nil); d < at {
			best, at = spell(flag), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// GetString returns the value of a flag, which the command must have.
func (s *settings) GetString(name string) string { return must(s.flags.GetString(name)) }

// GetBool returns the value of a flag, which the command must have.
func (s *settings) GetBool(name string) bool { return must(s.flags.GetBool(name)) }

// GetInt returns the value of a flag, which the command must have.
func (s *settings) GetInt(name string) int { return must(s.flags.GetInt(name)) }

// GetFloat64 returns the value of a flag, which the command must have.
func (s *settings) GetFloat64(name string) float64 { return must(s.flags.GetFloat64(name)) }

// GetDuration returns the value of a flag, which the command must have.
func (s *settings) GetDuration(name string) time.Duration {
	return must(s.flags.GetDuration(name))
}

// GetStringSlice returns the value of a flag, which the command must have.
func (s *settings) GetStringSlice(name string) []string {
	if list, err := s.flags.GetStringArray(name); err == nil {
		return list
	}
	return must(s.flags.GetStringSlice(name))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
