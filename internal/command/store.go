package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/dirstore"
	"github.com/neurondex/neurondex/release/httpstore"
	"github.com/neurondex/neurondex/source"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// addStoreFlags adds the flags of the commands that use a store.
func addStoreFlags(cmd *cobra.Command) {
	cmd.Flags().String("store", "", "`URL` of a store whose newest release is read, like file:///srv/neurondex")
	cmd.Flags().String("cache", "", "`directory` that keeps the last good release, to start without the store, and to pass it on to other servers")
	cmd.Flags().StringSlice("verify-key", nil, "accept only releases that are signed with this `key`; may be repeated")
	check(cmd, "verify-key", eachOf(func(text string) error {
		_, err := note.NewVerifier(text)
		return err
	}))
}

// addFromFlags adds the flags of the commands that only read releases.
func addFromFlags(cmd *cobra.Command) {
	cmd.Flags().String("from", "", "`URL` of a neurondex whose newest release is read, like https://relay.example, instead of --store")
	check(cmd, "from", isFrom)
	cmd.Flags().String("from-token-file", "", "`file` with the bearer token for --from; read again when it changes")
}

// isFrom does not repeat the URL, which may hold a password.
func isFrom(text string) error {
	if text == "" {
		return nil
	}
	s, err := httpstore.New(text, httpstore.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// addIntervalFlag adds the flag that says how often a store is read.
func addIntervalFlag(cmd *cobra.Command) {
	cmd.Flags().Duration("store-interval", 0, fmt.Sprintf("longest `time` between two readings of the newest release (default %v for --store, %v for --from)", release.DefaultInterval, httpstore.DefaultInterval))
	check(cmd, "store-interval", isPositiveDuration)
	cmd.Flags().Lookup("store-interval").DefValue = "" // it depends, as the text says
}

// releasesFlag returns the name of the flag that says where releases come from, or "" if none
// does.
func (s *settings) releasesFlag() string {
	for _, name := range []string{"from", "store"} {
		if s.flags.Lookup(name) != nil && s.GetString(name) != "" {
			return name
		}
	}
	return ""
}

// A following connects the source of a command with the relay that it offers to others.
type following struct {
	log   *slog.Logger    // nil for none
	epoch string          // of a server, for those who follow it
	relay *release.Relay  // nil without a server and a cache
	chain func() []string // of the servers before; nil without --from
}

// openRepository opens the repository of --store or --from, and returns a function that closes
// it. It reads and sets fields of f.
func openRepository(ctx context.Context, s *settings, f *following) (_ *release.Repository, closeStores func() error, err error) {
	flag := s.releasesFlag()
	switch {
	case flag == "":
		return nil, nil, errors.New("--store: name a store, like file:///srv/neurondex")
	case flag == "from" && s.GetString("store") != "":
		return nil, nil, fmt.Errorf("%s: use either it or %s, not both", s.origin("from"), s.origin("store"))
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
	if flag == "from" {
		repo.Store, err = openFrom(s, f)
	} else if repo.Store, err = release.Open(ctx, s.GetString("store")); err != nil {
		err = fmt.Errorf("%s: %w", s.origin("store"), explainScheme(err))
	}
	if err != nil {
		return nil, nil, err
	}
	return repo, repo.Store.Close, nil // the cache holds nothing that needs to be closed
}

// openFrom opens the server of --from.
func openFrom(s *settings, f *following) (release.Store, error) {
	o := httpstore.Options{Epoch: f.epoch}
	if path := s.GetString("from-token-file"); path != "" {
		log := f.log
		if log == nil {
			log = slog.New(slog.DiscardHandler)
		}
		token, err := newReloadedFile(path, parseToken, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.origin("from-token-file"), err)
		}
		o.Token = token.get
	}
	store, err := httpstore.New(s.GetString("from"), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.origin("from"), err)
	}
	f.chain = store.Chain
	return store, nil
}

// parseToken reads a file that holds one token.
func parseToken(data []byte) (string, error) {
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("must hold one token")
	}
	return token, nil
}

// explainScheme says which command knows a store that this one does not.
func explainScheme(err error) error {
	unknown, ok := errors.AsType[*release.SchemeError](err)
	switch {
	case !ok:
		return err
	case unknown.Scheme == "":
		return errors.New("must be a URL, like file:///srv/neurondex")
	case unknown.Scheme == "http" || unknown.Scheme == "https":
		return errors.New("is the URL of a server; follow it by --from")
	}
	for _, scheme := range []string{"s3", "gs", "azblob", "etcd"} {
		if unknown.Scheme == scheme {
			return fmt.Errorf("this command has no store for %s:// URLs; use the command neurondex-all, which has every store", scheme)
		}
	}
	return err
}

// A storeError is about --store or --from, and not about a directory.
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
	none        error // replaces release.ErrNoRelease
}

// newStoreSource returns a source of --store or --from.
func newStoreSource(s *settings, f *following) (source.Source, error) {
	// It lives as long as the command.
	repo, closeStores, err := openRepository(context.Background(), s, f)
	if err != nil {
		return nil, err
	}
	o := release.SourceOptions{Relay: f.relay}
	if s.flags.Lookup("store-interval") != nil {
		o.Interval = s.GetDuration("store-interval")
	}
	if s.releasesFlag() == "from" {
		o.Interval = cmp.Or(o.Interval, httpstore.DefaultInterval)
	}
	return &storeSource{repo.Source(o), closeStores, noRelease(s)}, nil
}

// noRelease returns the error for a store, or a server, without releases.
func noRelease(s *settings) error {
	if s.releasesFlag() == "from" {
		return errors.New("server has no release yet")
	}
	return errors.New("store has no release; publish one by neurondex push")
}

// Poll implements [source.Source].
func (s *storeSource) Poll(ctx context.Context, depth source.Depth) (source.Batch, error) {
	b, err := s.Source.Poll(ctx, depth)
	if errors.Is(err, release.ErrNoRelease) {
		err = s.none
	}
	if err != nil {
		err = storeError{err}
	}
	return b, err
}

// Close implements [source.Source].
func (s *storeSource) Close() error { return errors.Join(s.Source.Close(), s.closeStores()) }

// loadRelease loads the newest release of --store or --from once.
func loadRelease(s *settings) (r config.Result, err error) {
	src, err := newStoreSource(s, new(following))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	b, err := src.Poll(context.Background(), source.PollAll)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.origin(s.releasesFlag()), err)
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
