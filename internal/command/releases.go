package command

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// withRepository returns the function of a command that uses the repository of --store.
func withRepository(s *settings, run func(*cobra.Command, *release.Repository, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		repo, closeStores, err := openRepository(cmd.Context(), s, new(following))
		if err != nil {
			return err
		}
		return errors.Join(run(cmd, repo, args), closeStores())
	}
}

func newHistoryCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history --store URL | --from URL",
		Short: "List the releases of a store, the newest first",
		Long: `List the releases of a store, the newest first. Of a server, named by --from, only the
releases are listed that it passes on: the one in service, and the one before it.`,
		Args: noArguments,
		RunE: withRepository(s, func(cmd *cobra.Command, repo *release.Repository, _ []string) error {
			records, err := repo.History(cmd.Context())
			if err != nil {
				return err
			}
			if s.GetString("output") == "json" {
				return printJSON(cmd.OutOrStdout(), historyRows(records))
			}
			rows := [][]string{{"RELEASE", "TIME", "DATASETS", "DOCUMENTS", "BY", "MESSAGE"}}
			for _, rec := range records {
				if r := rec.Release; r != nil {
					rows = append(rows, []string{strconv.Itoa(r.Number), r.Time.Format(time.RFC3339), strconv.Itoa(r.Datasets), strconv.Itoa(r.Documents), cell(r.By), cell(r.Message)})
				} else {
					rows = append(rows, []string{strconv.Itoa(rec.Number), "-", "-", "-", "-", cell(rec.Err.Error())})
				}
			}
			return printFitted(cmd.OutOrStdout(), rows)
		}),
	}
	addStoreFlags(cmd)
	addFromFlags(cmd)
	addExtraFieldFlag(cmd)
	addOutputFlag(cmd)
	return cmd
}

// A historyRow is a release as history -o json prints it.
type historyRow struct {
	Number int `json:"number"`
	*release.Release
	Refused string `json:"refused,omitempty"`
}

func historyRows(records []release.Record) []historyRow {
	rows := []historyRow{}
	for _, rec := range records {
		row := historyRow{Number: rec.Number, Release: rec.Release}
		if rec.Err != nil {
			row.Refused = rec.Err.Error()
		}
		rows = append(rows, row)
	}
	return rows
}

// releaseNumber parses the number of a release.
func releaseNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("number of a release must be like 42, not %q", text)
	}
	return n, nil
}

func newRollbackCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback N --store URL",
		Short: "Publish the datasets of an earlier release again",
		Long: `Publish the datasets of release N as the next release. The releases between stay in the
history.`,
		Args: arguments(1, 1),
		RunE: withRepository(s, func(cmd *cobra.Command, repo *release.Repository, args []string) error {
			number, err := releaseNumber(args[0])
			if err != nil {
				return err
			}
			signer, err := s.signer()
			if err != nil {
				return err
			}
			newest, err := head(cmd, repo)
			if err != nil {
				return err
			}
			published, err := repo.Rollback(cmd.Context(), number, newest, release.PushOptions{Message: s.GetString("message"), By: publisher(), Signer: signer})
			switch {
			case err != nil:
				return err
			case published.Number == newest.Number:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "release %d has the same documents; nothing is published\n", newest.Number)
			default:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "published release %d: that of release %d, %d datasets in %d documents\n", published.Number, number, published.Datasets, published.Documents)
			}
			return err
		}),
	}
	addPublishFlags(cmd)
	addExtraFieldFlag(cmd)
	return cmd
}

func newPullCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull [N] --store URL | --from URL --dir DIR",
		Short: "Write the documents of a release into a directory",
		Long: `Write the documents of release N, or of the newest one, into a directory, which must not
exist. It appears once it is complete.`,
		Args: arguments(0, 1),
		RunE: withRepository(s, func(cmd *cobra.Command, repo *release.Repository, args []string) (err error) {
			dirs := s.GetStringSlice("dir")
			if len(dirs) != 1 {
				return errors.New("--dir: name one directory, which must not exist")
			}
			var number int
			if len(args) > 0 {
				number, err = releaseNumber(args[0])
			} else {
				number, err = newestNumber(cmd, s, repo)
			}
			if err != nil {
				return err
			}
			pulled, c, err := repo.Pull(cmd.Context(), number, nil)
			if err != nil {
				return err
			}
			if err := writeCatalog(dirs[0], c); err != nil {
				return fmt.Errorf("%s: %w", s.origin("dir"), err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "pulled release %d: %d datasets in %d documents\n", number, pulled.Datasets, pulled.Documents)
			return err
		}),
	}
	cmd.Flags().StringArray("dir", nil, "`directory` that is made")
	addStoreFlags(cmd)
	addFromFlags(cmd)
	addExtraFieldFlag(cmd)
	return cmd
}

// newestNumber returns the number of the newest release.
func newestNumber(cmd *cobra.Command, s *settings, repo *release.Repository) (int, error) {
	rec, err := repo.Head(cmd.Context())
	switch {
	case err != nil:
		return 0, err
	case rec.Number == 0:
		return 0, noRelease(s)
	}
	return rec.Number, rec.Err
}

// writeCatalog makes a directory of documents. It is complete, and on disk, when it gets its
// name.
func writeCatalog(path string, c *release.Catalog) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "pull into", Path: path, Err: fs.ErrExist}
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	for name, content := range c.Documents() {
		file := filepath.Join(tmp, filepath.FromSlash(name)) // the name is a local path: package release checks it
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := writeSynced(file, content); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func newPruneCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune --store URL --keep N",
		Short: "Delete old releases and what only they need",
		Args:  noArguments,
		RunE: withRepository(s, func(cmd *cobra.Command, repo *release.Repository, _ []string) error {
			keep, err := cmd.Flags().GetInt("keep")
			if err != nil {
				return err
			}
			if keep < 1 {
				return errors.New("--keep: say how many releases to keep, at least 1")
			}
			done, err := repo.Prune(cmd.Context(), keep, s.GetDuration("grace"))
			if err == nil || done != (release.Pruned{}) {
				fmt.Fprintf(cmd.OutOrStdout(), "deleted %d releases and %d blobs\n", done.Releases, done.Blobs)
			}
			return err
		}),
	}
	addStoreFlags(cmd)
	addExtraFieldFlag(cmd)
	cmd.Flags().Int("keep", 0, "`number` of releases to keep")
	cmd.Flags().Duration("grace", release.DefaultGrace, "keep blobs that are younger than this `time`, which a push may be about to name")
	check(cmd, "grace", isPositiveDuration)
	return cmd
}

func newKeygenCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen NAME --sign-key FILE",
		Short: "Make a key that releases are signed with",
		Long: `Make a key pair with a name, such as neurons.example. The private key, for push --sign-key,
is written to FILE, which must not exist. The public key, for serve --verify-key, is printed.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := s.GetString("sign-key")
			if path == "" {
				return errors.New("--sign-key: name the file for the private key")
			}
			private, public, err := note.GenerateKey(rand.Reader, args[0])
			if err != nil {
				return err
			}
			if _, err := note.NewVerifier(public); err != nil {
				return fmt.Errorf("name of a key must have no spaces, commas or plus signs, not %q", args[0])
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("%s: %w", s.origin("sign-key"), err)
			}
			_, err = fmt.Fprintln(f, private)
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), public)
			return err
		},
	}
	cmd.Flags().String("sign-key", "", "`file` for the private key")
	return cmd
}
