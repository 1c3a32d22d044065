package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/source"
	"github.com/neurondex/neurondex/source/dir"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

func newPushCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push --dir DIR --store URL",
		Short: "Publish the datasets of a directory as the next release",
		Long: `Publish the datasets of a directory as the next release of a store. All files are
validated first, and nothing is published if one is invalid. The difference from the newest
release is shown. Only what the store does not hold is uploaded.

If somebody else publishes a release meanwhile, nothing is published, and the difference
from that one is shown.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repo, closeStores, err := openRepository(cmd.Context(), s, new(following))
			if err != nil {
				return err
			}
			return errors.Join(push(cmd, s, repo), closeStores())
		},
	}
	cmd.Flags().StringArray("dir", nil, "`directory` of the dataset files")
	addExcludeFlag(cmd)
	addExtraFieldFlag(cmd)
	addPublishFlags(cmd)
	cmd.Flags().Bool("dry-run", false, "show the difference and publish nothing")
	return cmd
}

func push(cmd *cobra.Command, s *settings, repo *release.Repository) error {
	signer, err := s.signer()
	if err != nil {
		return err
	}
	catalog, err := readCatalog(cmd, s)
	if err != nil {
		return err
	}
	newest, err := head(cmd, repo)
	if err != nil {
		return err
	}
	if newest.Release != nil && newest.Release.Catalog == catalog.Snapshot().Hash() {
		fmt.Fprintf(cmd.OutOrStdout(), "release %d has the same datasets\n", newest.Number)
	} else if err := showDifference(cmd.Context(), cmd.OutOrStdout(), repo, newest, catalog); err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "neurondex: warning: cannot show the difference:", err)
	}
	if s.GetBool("dry-run") {
		return nil
	}
	bar := &uploadBar{w: cmd.ErrOrStderr()}
	published, err := repo.Push(cmd.Context(), catalog, newest, release.PushOptions{
		Message: s.GetString("message"), By: publisher(), Signer: signer, Progress: bar.set,
	})
	bar.finish()
	if conflict, ok := errors.AsType[*release.ConflictError](err); ok {
		if e := showDifference(cmd.Context(), cmd.OutOrStdout(), repo, conflict.Winner, catalog); e != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), "neurondex: warning: cannot show the difference:", e)
		}
		return err
	}
	if err != nil {
		return err
	}
	if published.Number == newest.Number {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing is published")
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "published release %d: %d datasets in %d documents\n", published.Number, published.Datasets, published.Documents)
	return err
}

// readCatalog reads the directory of --dir as a server that follows it does.
func readCatalog(cmd *cobra.Command, s *settings) (*release.Catalog, error) {
	dirs := s.GetStringSlice("dir")
	if len(dirs) != 1 {
		return nil, errors.New("--dir: name one directory")
	}
	documents, err := readAll(cmd.Context(), &dir.Dir{Path: dirs[0], Exclude: s.GetStringSlice("exclude")}, cmd.ErrOrStderr())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("dir"), err)
	}
	catalog, err := release.NewCatalog(documents, s.parsing()...)
	if invalid, ok := errors.AsType[*release.InvalidError](err); ok {
		for _, d := range invalid.Diagnostics {
			fmt.Fprintln(cmd.ErrOrStderr(), d)
		}
		return nil, errReported
	}
	return catalog, err
}

// readAll reads every document of a source, which it closes. It waits for those that change.
func readAll(ctx context.Context, src source.Source, warnings io.Writer) (documents []source.Document, err error) {
	defer func() { err = errors.Join(err, src.Close()) }()
	latest := make(map[string]source.Document)
	for {
		b, err := src.Poll(ctx, source.PollAll)
		if err != nil {
			return nil, err
		}
		for _, d := range b.Changed {
			latest[d.Name] = d
		}
		for _, name := range b.Removed {
			delete(latest, name)
		}
		if len(b.Pending) == 0 {
			for _, f := range b.Health.Ignored {
				fmt.Fprintf(warnings, "neurondex: warning: %s is not published: %s\n", cell(f.Name), f.Why)
			}
			break
		}
		if err := src.Wait(ctx); err != nil {
			return nil, err
		}
	}
	for _, d := range latest {
		if !errors.Is(d.Err, source.ErrNotDocument) {
			documents = append(documents, d)
		}
	}
	return documents, nil
}

// shownDatasets is the number of datasets of each kind that a difference shows.
const shownDatasets = 50

// showDifference prints what a catalog changes in a release, if there is one.
func showDifference(ctx context.Context, w io.Writer, repo *release.Repository, from release.Record, to *release.Catalog) error {
	before := registry.New().Snapshot()
	if from.Err != nil {
		return from.Err
	}
	if from.Release != nil {
		_, c, err := repo.Pull(ctx, from.Number, to)
		if err != nil {
			return err
		}
		before = c.Snapshot()
	}
	diff := registry.Update{Before: before, After: to.Snapshot()}.Diff()
	if from.Number > 0 {
		fmt.Fprintf(w, "since release %d: ", from.Number)
	}
	fmt.Fprintf(w, "%v; %d in all\n", diff, to.Snapshot().Len())
	more := max(len(diff.Added)-shownDatasets, 0) + max(len(diff.Updated)-shownDatasets, 0) + max(len(diff.Removed)-shownDatasets, 0)
	diff.Added = diff.Added[:min(len(diff.Added), shownDatasets)]
	diff.Updated = diff.Updated[:min(len(diff.Updated), shownDatasets)]
	diff.Removed = diff.Removed[:min(len(diff.Removed), shownDatasets)]
	showDiff(w, diff)
	if more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	return nil
}

// An uploadBar is a progress bar that appears with the first upload.
type uploadBar struct {
	w io.Writer

	mu   sync.Mutex // guards bar
	bar  *progressbar.ProgressBar
	done int
}

func (b *uploadBar) set(done, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar == nil {
		b.bar = newProgress(b.w, "uploading", total, 1)
	}
	if done > b.done { // calls are concurrent
		b.done = done
		_ = b.bar.Set(done) // only fails to print
	}
}

func (b *uploadBar) finish() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
