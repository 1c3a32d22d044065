package release_test

import (
	"crypto/rand"
	"testing"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

func newKey(t *testing.T, name string) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	require.NoError(t, err)
	s, err := note.NewSigner(private)
	require.NoError(t, err)
	v, err := note.NewVerifier(public)
	require.NoError(t, err)
	return s, v
}

// TestSignatures checks that unsigned and foreign records are refused, and a record that was
// moved or changed.
func TestSignatures(t *testing.T) {
	mine, myKey := newKey(t, "example.org")
	theirs, _ := newKey(t, "example.org") // the same name
	old, oldKey := newKey(t, "old.example.org")
	r := newRig(t)
	reader := &release.Repository{Store: r.store, Keys: note.VerifierList(myKey, oldKey)}
	number := 1
	push := func(path string, signer note.Signer) {
		t.Helper()
		c, err := catalogOf(map[string]string{"a.toml": toml("a", path)})
		require.NoError(t, err)
		head, err := r.repo.Head(t.Context())
		require.NoError(t, err)
		published, err := r.repo.Push(t.Context(), c, head, release.PushOptions{Signer: signer, Message: "first\nsecond \u2028 end"})
		require.NoError(t, err)
		number = published.Number
	}
	s := reader.Source(release.SourceOptions{})
	_, err := s.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, release.ErrSignature, "unsigned")
	push("1", theirs)
	_, err = s.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, release.ErrSignature, "foreign")
	push("2", mine)
	b, err := s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	assert.Equal(t, number, b.Health.Release.Number)
	push("3", old)
	_, err = s.Poll(t.Context(), source.PollAll)
	require.NoError(t, err)
	push("4", nil)
	b, err = s.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, release.ErrSignature)
	assert.Equal(t, number-1, b.Health.Release.Number, "the last good one stays")

	signed, err := r.store.Get(t.Context(), "releases/00000003", 1<<20)
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"moved":       signed,
		"changed":     append([]byte(" "), signed...),
		"text before": append([]byte("{}\n"), signed...),
	} {
		r.store.Put("releases/00000006", data)
		_, err = s.Poll(t.Context(), source.PollAll)
		require.Error(t, err, name)
		_, _, err := reader.Pull(t.Context(), 6, nil)
		require.Error(t, err, name)
	}
	_, _, err = r.repo.Pull(t.Context(), 3, nil)
	require.NoError(t, err, "without keys, signatures are not checked")
}
