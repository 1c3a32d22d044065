package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/neurondex/neurondex/source"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// addStoreFlags adds the flags of the commands that read a store.
func addStoreFlags(cmd *cobra.Command) {
	cmd.Flags().String("store", "", "`URL` of a store whose newest release is read, like file:///srv/neurondex")
	cmd.Flags().String("cache", "", "`directory` that keeps the last good release of --store, to start without the store")
	cmd.Flags().StringSlice("verify-key", nil, "accept only releases that are signed with this `key`; may be repeated")
	check(cmd, "verify-key", eachOf(func(text string) error {
		_, err := note.NewVerifier(text)
		return err
	}))
}

// addIntervalFlag adds the flag that says how often a store is read.
func addIntervalFlag(cmd *cobra.Command) {
	cmd.Flags().Duration("store-interval", release.DefaultInterval, "longest `time` between two readings of the newest release of --store")
	check(cmd, "store-interval", isPositiveDuration)
}

// openRepository opens the repository of --store, and returns a function that closes it.
func openRepository(ctx context.Context, s *settings) (_ *release.Repository, closeStores func() error, err error) {
	url := s.GetString("store")
	if url == "" {
		return nil, nil, errors.New("--store: name a store, like file:///srv/neurondex")
	}
	repo := &release.Repository{Config: s.parsing()}
	if keys := s.GetStringSlice("verify-key"); len(keys) > 0 {
		var list []note.Verifier
		for _, key := range keys {
			v, err := note.NewVerifier(key)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", s.origin("verify-key"), err)
			}
			list = append(list, v)
		}
		repo.Keys = note.VerifierList(list...)
	}
	if dir := s.GetString("cache"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.origin("cache"), err)
		}
		repo.Cache = dirstore.New(dir)
	}
	if repo.Store, err = release.Open(ctx, url); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.origin("store"), explainScheme(err))
	}
	return repo, repo.Store.Close, nil // the cache holds nothing that needs to be closed
}

// explainScheme says which command knows a store that this one does not.
func explainScheme(err error) error {
	unknown, ok := errors.AsType[*release.SchemeError](err)
	switch {
	case !ok:
		return err
	case unknown.Scheme == "":
		return errors.New("must be a URL, like file:///srv/neurondex")
	}
	for _, scheme := range []string{"s3", "gs", "azblob", "etcd"} {
		if unknown.Scheme == scheme {
			return fmt.Errorf("this command has no store for %s:// URLs; use the command neurondex-all, which has every store", scheme)
		}
	}
	return err
}

// A storeError is about the store, and not about a directory.
type storeError struct{ error }

// Unwrap returns the error of the store.
func (e storeError) Unwrap() error { return e.error }

// isOfStore reports whether an error is about the store.
func (s *settings) isOfStore(err error) bool {
	_, ok := errors.AsType[storeError](err)
	return ok
}

// A storeSource is the source of a repository, which it closes.
type storeSource struct {
	source.Source
	closeStores func() error
}

// newStoreSource returns a source of --store.
func newStoreSource(s *settings) (source.Source, error) {
	// It lives as long as the command.
	repo, closeStores, err := openRepository(context.Background(), s)
	if err != nil {
		return nil, err
	}
	interval := time.Duration(0)
	if s.flags.Lookup("store-interval") != nil {
		interval = s.GetDuration("store-interval")
	}
	return &storeSource{repo.Source(release.SourceOptions{Interval: interval}), closeStores}, nil
}

// Poll implements [source.Source].
func (s *storeSource) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	b, err := s.Source.Poll(ctx, depth)
	if errors.Is(err, release.ErrNoRelease) {
		err = errors.New("store has no release; publish one by neurondex push")
	}
	if err != nil {
		err = storeError{err}
	}
	return b, err
}

// Close implements [source.Source].
func (s *storeSource) Close() error { return errors.Join(s.Source.Close(), s.closeStores()) }

// loadRelease loads the newest release of --store once.
func loadRelease(s *settings) (r config.Result, err error) {
	src, err := newStoreSource(s)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	b, err := src.Poll(context.Background(), source.PollAll)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.origin("store"), err)
	}
	if b.Health.Problem != "" {
		fmt.Fprintln(os.Stderr, "neurondex: warning:", b.Health.Problem)
	}
	for _, d := range b.Changed {
		specs, found := config.Parse(d.Name, d.Data, s.parsing()...)
		r.Diagnostics = append(r.Diagnostics, found...)
		r.Documents = append(r.Documents, registry.Document{Name: d.Name, Datasets: specs})
	}
	return r, nil
}

// publisher returns who publishes a release, for its record.
func publisher() string {
	name := cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"), "unknown")
	host, _ := os.Hostname()
	return strings.TrimSuffix(name+"@"+host, "@")
}

// signer returns the signer of --sign-key, or nil if it is not given.
func (s *settings) signer() (note.Signer, error) {
	path := s.GetString("sign-key")
	if path == "" {
		return nil, nil
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("sign-key"), err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil { // without the text of the key
		return nil, fmt.Errorf("%s: %s does not hold a private key; make one by neurondex keygen", s.origin("sign-key"), path)
	}
	return signer, nil
}

// addPublishFlags adds the flags of the commands that publish releases.
func addPublishFlags(cmd *cobra.Command) {
	addStoreFlags(cmd)
	cmd.Flags().StringP("message", "m", "", "`text` that says what the release is for")
	cmd.Flags().String("sign-key", "", "sign the release with the private key in this `file`")
}

// head returns the newest release. One that is refused is reported: publishing another one
// is the way out.
func head(cmd *cobra.Command, repo *release.Repository) (release.Record, error) {
	rec, err := repo.Head(cmd.Context())
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; create it", err)
	}
	if rec.Err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "neurondex: warning:", rec.Err)
	}
	return rec, err
}
