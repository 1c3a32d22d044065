package release_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/neurondex/neurondex/config"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/neurondex/neurondex/source"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type object = map[string]any

// A forgery is a release with one document, which a test changes before it is stored.
type forgery struct {
	store    *storetest.Memory
	record   object
	name     string
	content  string
	document object   // the entry of the document; nil for that of content
	shards   []any    // nil for the one of the document
	entries  []object // nil for that of the document
}

// blob stores content and returns a reference to it.
func (f *forgery) blob(content []byte) json.RawMessage {
	key, value := release.Compress(content)
	f.store.Put(key, value)
	return release.EncodeRef(content, -1)
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func with(base any, extra object) object {
	var o object
	if err := json.Unmarshal(encode(base), &o); err != nil {
		panic(err)
	}
	maps.Copy(o, extra)
	return o
}

// publish stores release 3, with what f changes.
func (f *forgery) publish() {
	entry := with(f.blob([]byte(f.content)), object{"name": f.name, "datasets": 1})
	maps.Copy(entry, f.document)
	entries := f.entries
	if entries == nil {
		entries = []object{entry}
	}
	shards := f.shards
	if shards == nil {
		shards = []any{f.blob(encode(entries))}
	}
	record := object{
		"manifest":  f.blob(encode(object{"bits": 0, "shards": shards})),
		"documents": 1, "datasets": 1, "bytes": entry["size"],
	}
	maps.Copy(record, f.record)
	f.store.Put("releases/00000003", append(encode(record), '\n'))
}

// bomb returns a zstd frame of 8 MB of zeros in less than a kilobyte, which does not tell its
// size.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 8 {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// hostile are releases that must be refused.
var hostile = map[string]struct {
	forge func(*testing.T, *forgery)
	want  error
}{
	"document that is not valid": {func(_ *testing.T, f *forgery) { f.content = "= 1" }, config.ErrInvalid},
	"document without a field":   {func(_ *testing.T, f *forgery) { f.content = "short_name = 'x'\n" }, config.ErrInvalid},
	"name that leads out":        {func(_ *testing.T, f *forgery) { f.name = "../a.toml" }, release.ErrMalformed},
	"absolute name":              {func(_ *testing.T, f *forgery) { f.name = "/etc/a.toml" }, release.ErrMalformed},
	"name of no document":        {func(_ *testing.T, f *forgery) { f.name = "a.sh" }, release.ErrMalformed},
	"long name":                  {func(_ *testing.T, f *forgery) { f.name = strings.Repeat("a", 2000) + ".toml" }, release.ErrMalformed},
	"document twice": {func(_ *testing.T, f *forgery) {
		e := with(f.blob([]byte(f.content)), object{"name": f.name, "datasets": 1})
		f.entries = []object{e, e}
	}, release.ErrMalformed},
	"document of another size":   {func(_ *testing.T, f *forgery) { f.document = object{"size": 1} }, release.ErrHash},
	"document of negative size":  {func(_ *testing.T, f *forgery) { f.document = object{"size": -1} }, release.ErrMalformed},
	"document of a terabyte":     {func(_ *testing.T, f *forgery) { f.document, f.record["bytes"] = object{"size": 1 << 40}, 100 }, release.ErrMalformed},
	"document of a hash of zero": {func(_ *testing.T, f *forgery) { f.document = object{"hash": strings.Repeat("0", 64)} }, release.ErrMalformed},
	"document that is missing":   {func(_ *testing.T, f *forgery) { f.document = object{"hash": strings.Repeat("a", 64)} }, release.ErrMissing},
	"other number of datasets": {func(_ *testing.T, f *forgery) {
		f.document, f.record["datasets"] = object{"datasets": 2}, 2
	}, release.ErrMalformed},
	"other catalog":   {func(_ *testing.T, f *forgery) { f.record["catalog"] = strings.Repeat("1", 64) }, release.ErrHash},
	"other documents": {func(_ *testing.T, f *forgery) { f.record["documents"] = 2 }, release.ErrMalformed},
	"many documents":  {func(_ *testing.T, f *forgery) { f.record["documents"] = 1 << 30 }, release.ErrLimit},
	"negative count":  {func(_ *testing.T, f *forgery) { f.record["documents"] = -1 }, release.ErrMalformed},
	"a terabyte":      {func(_ *testing.T, f *forgery) { f.record["bytes"] = 1 << 40 }, release.ErrLimit},
	"other bytes":     {func(_ *testing.T, f *forgery) { f.record["bytes"] = 7 }, release.ErrMalformed},
	"manifest of 10 GiB": {func(_ *testing.T, f *forgery) {
		f.record["manifest"] = release.EncodeRef([]byte("x"), 10<<30)
	}, release.ErrLimit},
	"manifest that is missing":     {func(_ *testing.T, f *forgery) { f.record["manifest"] = release.EncodeRef([]byte("x"), -1) }, release.ErrMissing},
	"manifest that is no manifest": {func(_ *testing.T, f *forgery) { f.record["manifest"] = f.blob([]byte("[]")) }, release.ErrMalformed},
	"manifest of many shards": {func(_ *testing.T, f *forgery) {
		f.record["manifest"] = f.blob([]byte(`{"bits":30,"shards":[]}`))
	}, release.ErrMalformed},
	"manifest of few shards": {func(_ *testing.T, f *forgery) {
		f.record["manifest"] = f.blob([]byte(`{"bits":1,"shards":[]}`))
	}, release.ErrMalformed},
	"shard of 10 GiB": {func(_ *testing.T, f *forgery) {
		f.shards = []any{release.EncodeRef([]byte("x"), 10<<30)}
	}, release.ErrLimit},
	"shard that is no list":  {func(_ *testing.T, f *forgery) { f.shards = []any{f.blob([]byte("{}"))} }, release.ErrMalformed},
	"shard that is null":     {func(_ *testing.T, f *forgery) { f.shards = []any{f.blob([]byte("null"))} }, release.ErrMalformed},
	"shard that is empty":    {func(_ *testing.T, f *forgery) { f.shards = []any{f.blob([]byte("[]"))} }, release.ErrMalformed},
	"shard with more behind": {func(_ *testing.T, f *forgery) { f.shards = []any{f.blob([]byte("[]   []"))} }, release.ErrMalformed},
	"shard of the wrong index": {func(_ *testing.T, f *forgery) {
		s := f.blob(encode([]object{with(f.blob([]byte(f.content)), object{"name": f.name, "datasets": 1})}))
		empty := object{"hash": strings.Repeat("0", 64), "size": 0}
		shards := []any{s, empty, empty, empty}
		if release.ShardOf(f.name, 2) == 0 {
			shards[0], shards[1] = empty, s
		}
		f.record["manifest"] = f.blob(encode(object{"bits": 2, "shards": shards}))
	}, release.ErrMalformed},
	"zstd bomb": {func(t *testing.T, f *forgery) {
		key, _ := release.Compress([]byte(f.content))
		f.publish()
		f.store.Put(key, bomb(t))
	}, release.ErrHash},
	"blob that is not compressed": {func(_ *testing.T, f *forgery) {
		f.publish()
		key, _ := release.Compress([]byte(f.content))
		f.store.Put(key, []byte(f.content))
	}, release.ErrHash},
	"blob of other content": {func(_ *testing.T, f *forgery) {
		f.publish()
		key, _ := release.Compress([]byte(f.content))
		_, other := release.Compress([]byte(strings.Replace(f.content, "x", "y", 1)))
		f.store.Put(key, other)
	}, release.ErrHash},
	"blob that is cut": {func(_ *testing.T, f *forgery) {
		f.publish()
		key, value := release.Compress([]byte(f.content))
		f.store.Put(key, value[:len(value)/2])
	}, release.ErrHash},
	"blob of 10 MB": {func(_ *testing.T, f *forgery) {
		f.publish()
		key, _ := release.Compress([]byte(f.content))
		f.store.Put(key, make([]byte, 10<<20))
	}, release.ErrHash},
	"record of a megabyte":    {func(_ *testing.T, f *forgery) { f.store.Put("releases/00000003", make([]byte, 1<<20)) }, release.ErrLimit},
	"record that is empty":    {func(_ *testing.T, f *forgery) { f.store.Put("releases/00000003", nil) }, release.ErrMalformed},
	"record that is cut":      {func(_ *testing.T, f *forgery) { f.store.Put("releases/00000003", []byte(`{"format":1`)) }, release.ErrMalformed},
	"record of no JSON":       {func(_ *testing.T, f *forgery) { f.store.Put("releases/00000003", []byte("hello\n")) }, release.ErrMalformed},
	"record of other types":   {func(_ *testing.T, f *forgery) { f.record["documents"] = "x" }, release.ErrMalformed},
	"record of a later time":  {func(_ *testing.T, f *forgery) { f.record["time"] = time.Now().Add(time.Hour) }, release.ErrFuture},
	"record of a new format":  {func(_ *testing.T, f *forgery) { f.record["format"] = 2 }, release.ErrFormat},
	"record of no format":     {func(_ *testing.T, f *forgery) { delete(f.record, "format") }, release.ErrFormat},
	"record of other number":  {func(_ *testing.T, f *forgery) { f.record["number"] = 2 }, release.ErrMalformed},
	"record of other parent":  {func(_ *testing.T, f *forgery) { f.record["parent"] = strings.Repeat("2", 64) }, release.ErrReplaced},
	"record with a long text": {func(_ *testing.T, f *forgery) { f.record["message"] = strings.Repeat("x", 5000) }, release.ErrMalformed},
	"number that went backwards": {func(t *testing.T, f *forgery) {
		require.NoError(t, f.store.Delete(t.Context(), "releases/00000002"))
	}, release.ErrBackwards},
	"all records are gone": {func(t *testing.T, f *forgery) {
		require.NoError(t, f.store.Delete(t.Context(), "releases/00000001"))
		require.NoError(t, f.store.Delete(t.Context(), "releases/00000002"))
	}, release.ErrBackwards},
	"record that was replaced": {func(t *testing.T, f *forgery) {
		data, err := f.store.Get(t.Context(), "releases/00000002", 1<<20)
		require.NoError(t, err)
		f.store.Put("releases/00000002", append(data, '\n'))
	}, release.ErrReplaced},
}

// TestHostileStores checks that a release that is not what it must be is refused whole, that
// the last good one stays, and that the next good one is delivered.
func TestHostileStores(t *testing.T) {
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.put("a", "1")
			s := r.repo.Source(release.SourceOptions{})
			_, err := s.Poll(t.Context(), source.PollAll)
			require.NoError(t, err)

			head, err := r.repo.Head(t.Context())
			require.NoError(t, err)
			good, err := catalogOf(map[string]string{"x.toml": toml("x", "1")})
			require.NoError(t, err)
			f := &forgery{store: r.store, name: "x.toml", content: toml("x", "1"), record: object{
				"format": 1, "number": 3, "time": time.Now(), "by": "x", "id": "x",
				"catalog": good.Snapshot().Hash().String(), "parent": head.Hash.String(),
			}}
			test.forge(t, f)
			_, err = r.store.Get(t.Context(), "releases/00000003", 1<<30)
			aboutOld := errors.Is(test.want, release.ErrBackwards) || name == "record that was replaced"
			if err != nil && !aboutOld {
				f.publish()
			}
			for range 2 {
				b, err := s.Poll(t.Context(), source.PollAll)
				require.ErrorIs(t, err, test.want)
				require.ErrorAs(t, err, new(*release.RefusedError))
				assert.Empty(t, b.Changed)
				assert.Empty(t, b.Removed)
				assert.Equal(t, 2, b.Health.Release.Number)
			}
			if aboutOld {
				return // nothing more can be published
			}
			b, err := s.Poll(t.Context(), source.PollNotified)
			require.ErrorIs(t, err, test.want)
			assert.Empty(t, b.Changed)

			r.documents = map[string]string{"a.toml": toml("a", "2"), "x.toml": toml("x", "1")}
			require.NoError(t, r.push(), "the next push")
			if name == "blob of other content" { // of the same size, which a push does not notice
				key, _ := release.Compress([]byte(f.content))
				require.NoError(t, f.store.Delete(t.Context(), key))
				require.NoError(t, r.push())
			}
			b, err = s.Poll(t.Context(), source.PollNotified)
			require.NoError(t, err)
			assert.Equal(t, []string{"a.toml", "x.toml"}, names(b))
			assert.Equal(t, 4, b.Health.Release.Number)
		})
	}
}

// TestBomb checks that decompression stops at the size that a blob must have.
func TestBomb(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	key, _ := release.Compress([]byte(toml("a", "1")))
	value := bomb(t)
	require.Less(t, len(value), 1000, "it must not be refused for its compressed size")
	r.store.Put(key, value)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := r.repo.Pull(t.Context(), 2, nil)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, release.ErrHash)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

// TestForgery checks that what the table above starts from is accepted.
func TestForgery(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	good, err := catalogOf(map[string]string{"x.toml": toml("x", "1")})
	require.NoError(t, err)
	f := &forgery{store: r.store, name: "x.toml", content: toml("x", "1"), record: object{
		"format": 1, "number": 3, "time": time.Now(), "by": "x", "id": "x", "catalog": good.Snapshot().Hash().String(),
	}}
	f.publish()
	_, c, err := r.repo.Pull(t.Context(), 3, nil)
	require.NoError(t, err)
	assert.Equal(t, good.Snapshot().Hash(), c.Snapshot().Hash())
}

// TestFuture checks that a release of the future is delivered when its time comes, and that
// clocks may differ a little.
func TestFuture(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	r.repo.SetClock(func() time.Time { return now.Add(10 * time.Minute) })
	r.put("a", "1")
	reader := &release.Repository{Store: r.store}
	s := reader.Source(release.SourceOptions{})
	_, err := s.Poll(t.Context(), source.PollAll)
	require.ErrorIs(t, err, release.ErrFuture)
	reader.SetClock(func() time.Time { return now.Add(5*time.Minute + time.Second) })
	b, err := s.Poll(t.Context(), source.PollNotified)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.toml"}, names(b))
}

// TestIgnoredKeys checks that keys that are no releases do no harm.
func TestIgnoredKeys(t *testing.T) {
	r := newRig(t)
	r.put("a", "1")
	for _, key := range []string{"releases/.DS_Store", "releases/zzz", "releases/000000099", "releases/0000000x", "blobs/.nfs1", "other/x"} {
		r.store.Put(key, []byte("x"))
	}
	head, err := r.repo.Head(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, head.Number)
	_, err = r.repo.Prune(t.Context(), 1, -time.Second)
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprint(r.store.Keys()), "blobs/.nfs1")
}
