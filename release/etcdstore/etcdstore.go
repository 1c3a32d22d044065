// Package etcdstore keeps releases in etcd. It registers a scheme:
//
//	store, err := release.Open(ctx, "etcd://10.0.0.1:2379,10.0.0.2:2379/neurondex")
//
// The host is a list of the members of a cluster, or empty for what ETCDCTL_ENDPOINTS lists;
// the path is a prefix of all keys. A user and a password may precede the host. The query
// may have cacert, cert, key, insecure-transport and insecure-skip-tls-verify. Their defaults
// come from the environment variables of etcdctl, such as ETCDCTL_CACERT. All of them have the
// same meaning as for etcdctl.
//
// # What etcd holds
//
//	PREFIX/KEY           a line of JSON with the size of the value and when it was created,
//	                     and then the value, if it is small
//	PREFIX/chunks/ID/N   a part of another value; the line above says which ID it has
//
// etcd limits the size of a request to 1.5 MiB, and a database to 2 GiB unless its quota is
// raised. Deleted keys take space until they are compacted and the database is defragmented,
// so automatic compaction must be on. The servers of etcd 3.4 to 3.7 are supported.
package etcdstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/neurondex/neurondex/release"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// maxInline is the size of the largest value that is stored beside its head. Lists read
	// the heads, so it must be small. Records of releases are smaller, mostly.
	maxInline = 1 << 10
	// chunkSize is the size of the parts of other values. Two fit into one request.
	chunkSize = 512 << 10
	// maxResponse bounds what a member may send at a time: a page of heads, or a chunk.
	maxResponse = 4 << 20
	pageSize    = 1000
	// uploadTTL is the lifetime of the chunks of an incomplete value. It is longer than the
	// timeout of a request.
	uploadTTL = 10 * time.Minute
)

// A Store keeps values in an etcd cluster.
type Store struct {
	prefix string // of all keys; empty, or ends in a slash

	dial   func() (*clientv3.Client, error)
	turn   chan struct{} // holds a token while somebody reads or sets client
	client *clientv3.Client
}

var _ release.Store = (*Store)(nil)

// New returns a store in the cluster of a client, which it closes. All its keys are below
// prefix, or anywhere if that is empty.
func New(client *clientv3.Client, prefix string) *Store {
	return newStore(func() (*clientv3.Client, error) { return client, nil }, prefix)
}

func newStore(dial func() (*clientv3.Client, error), prefix string) *Store {
	if prefix != "" {
		prefix += "/"
	}
	return &Store{prefix: prefix, dial: dial, turn: make(chan struct{}, 1)}
}

// connect returns the client. It creates it on first use, since that takes a request if there
// is a password, and tries again if that fails.
func (s *Store) connect(ctx context.Context) (*clientv3.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.client == nil {
		client, err := s.dial()
		if err != nil {
			return nil, explain(ctx, err)
		}
		s.client = client
	}
	return s.client, nil
}

// explain returns the cause of a context that is done, or the description of a client's error.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return fmt.Errorf("etcd: %s", rpctypes.ErrorDesc(err))
	}
}

// A head describes a value.
type head struct {
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`          // by the clock of the creator: etcd keeps no time
	Chunks  string    `json:"chunks,omitempty"` // the ID of its chunks; empty if it is inline

	inline   []byte
	revision int64 // when the head was stored
}

// encode returns what is stored of a head.
func (h *head) encode() (string, error) {
	line, err := json.Marshal(h)
	return string(line) + "\n" + string(h.inline), err
}

// decode parses what is stored of a head.
func decode(key string, kv *mvccpb.KeyValue) (*head, error) {
	h := &head{revision: kv.ModRevision}
	line, inline, found := bytes.Cut(kv.Value, []byte("\n"))
	err := json.Unmarshal(line, h)
	switch {
	case err != nil || !found || h.Size < 0 || strings.Contains(h.Chunks, "/"),
		h.Chunks == "" && int64(len(inline)) != h.Size:
		return nil, fmt.Errorf("%s: %w", key, release.ErrMalformed)
	}
	h.inline = inline
	return h, nil
}

// chunks returns the prefix of the keys of chunks.
func (s *Store) chunks(id string) string { return s.prefix + "chunks/" + id + "/" }

func (s *Store) chunk(id string, i int) string { return fmt.Sprintf("%s%08d", s.chunks(id), i) }

// head reads the head of a key.
func (s *Store) head(ctx context.Context, c *clientv3.Client, key string) (*head, error) {
	resp, err := c.Get(ctx, s.prefix+key)
	if err != nil {
		return nil, explain(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return nil, fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	return decode(key, resp.Kvs[0])
}

// errChunk means that a chunk does not exist or is too long.
var errChunk = errors.New("chunk is missing")

// Get implements [release.Store].
func (s *Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		h, err := s.head(ctx, c, key)
		switch {
		case err != nil:
			return nil, err
		case h.Size > limit:
			return nil, fmt.Errorf("%s: %w", key, release.ErrTooLarge)
		case h.Chunks == "":
			return h.inline, nil
		}
		value, err := s.readChunks(ctx, c, h)
		if !errors.Is(err, errChunk) {
			return value, err
		}
		if attempt == 3 { // not only a concurrent Delete and Create
			return nil, fmt.Errorf("%s: %w: %w", key, release.ErrMalformed, err)
		}
	}
}

func (s *Store) readChunks(ctx context.Context, c *clientv3.Client, h *head) ([]byte, error) {
	value := make([]byte, 0, min(h.Size, chunkSize))
	for i := 0; int64(len(value)) < h.Size; i++ {
		resp, err := c.Get(ctx, s.chunk(h.Chunks, i))
		if err != nil {
			return nil, explain(ctx, err)
		}
		if len(resp.Kvs) == 0 || len(resp.Kvs[0].Value) == 0 || int64(len(value)+len(resp.Kvs[0].Value)) > h.Size {
			return nil, errChunk
		}
		value = append(value, resp.Kvs[0].Value...)
	}
	return value, nil
}

// Create implements [release.Store]. A transaction creates the head, together with a single
// chunk. Several chunks are stored before, under a lease, so that those of an incomplete value
// expire; the transaction detaches them from the lease.
func (s *Store) Create(ctx context.Context, key string, value []byte) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	h := head{Size: int64(len(value)), Created: time.Now().UTC()}
	if len(value) <= maxInline {
		h.inline = value
		return s.commit(ctx, c, key, &h)
	}
	h.Chunks = strings.ToLower(rand.Text())
	if len(value) <= chunkSize {
		return s.commit(ctx, c, key, &h, clientv3.OpPut(s.chunk(h.Chunks, 0), string(value)))
	}
	resp, err := c.Get(ctx, s.prefix+key, clientv3.WithCountOnly())
	if err != nil {
		return explain(ctx, err)
	}
	if resp.Count > 0 {
		return fmt.Errorf("%s: %w", key, fs.ErrExist)
	}
	lease, err := c.Grant(ctx, int64(uploadTTL/time.Second))
	if err != nil {
		return explain(ctx, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = c.Revoke(ctx, lease.ID) // or it expires
	}()
	var complete []clientv3.Op
	for part := range slices.Chunk(value, chunkSize) {
		name := s.chunk(h.Chunks, len(complete))
		if _, err := c.Put(ctx, name, string(part), clientv3.WithLease(lease.ID)); err != nil {
			return explain(ctx, err)
		}
		complete = append(complete, clientv3.OpPut(name, "", clientv3.WithIgnoreValue()))
	}
	return s.commit(ctx, c, key, &h, complete...)
}

// commit creates a head, together with other operations.
func (s *Store) commit(ctx context.Context, c *clientv3.Client, key string, h *head, with ...clientv3.Op) error {
	text, err := h.encode()
	if err != nil {
		return err
	}
	absent := clientv3.Compare(clientv3.CreateRevision(s.prefix+key), "=", 0)
	resp, err := c.Txn(ctx).If(absent).Then(append(with, clientv3.OpPut(s.prefix+key, text))...).Commit()
	switch {
	case err != nil:
		return explain(ctx, err)
	case !resp.Succeeded:
		return fmt.Errorf("%s: %w", key, fs.ErrExist)
	}
	return nil
}

// List implements [release.Store].
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[release.Entry, error] {
	return func(yield func(release.Entry, error) bool) {
		c, err := s.connect(ctx)
		if err != nil {
			yield(release.Entry{}, err)
			return
		}
		for {
			from, end := s.rangeOf(prefix, after)
			resp, err := c.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize))
			if err != nil {
				yield(release.Entry{}, explain(ctx, err))
				return
			}
			for _, kv := range resp.Kvs {
				after = strings.TrimPrefix(string(kv.Key), s.prefix)
				h, err := decode(after, kv)
				if err != nil {
					yield(release.Entry{}, err)
					return
				}
				if !yield(release.Entry{Key: after, Size: h.Size, Created: h.Created}, nil) {
					return
				}
			}
			if !resp.More {
				return
			}
		}
	}
}

// rangeOf returns the range of the keys with a prefix that are greater than after.
func (s *Store) rangeOf(prefix, after string) (from, end string) {
	return s.prefix + max(prefix, after+"\x00"), clientv3.GetPrefixRangeEnd(s.prefix + prefix)
}

// Delete implements [release.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	for {
		h, err := s.head(ctx, c, key)
		revision := int64(0)
		remove := []clientv3.Op{clientv3.OpDelete(s.prefix + key)}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, release.ErrMalformed): // the head is all that is known
		case err != nil:
			return err
		case h.Chunks != "":
			remove = append(remove, clientv3.OpDelete(s.chunks(h.Chunks), clientv3.WithPrefix()))
			fallthrough
		default:
			revision = h.revision
		}
		txn := c.Txn(ctx)
		if revision != 0 {
			txn = txn.If(clientv3.Compare(clientv3.ModRevision(s.prefix+key), "=", revision))
		}
		resp, err := txn.Then(remove...).Commit()
		if err != nil || resp.Succeeded {
			return explain(ctx, err)
		}
	}
}

// rewatch is the time before a watch that ended is started again.
const rewatch = 100 * time.Millisecond

// Wait implements [release.Store]. It reads whether there is such a key, and watches from the
// revision of that, so that nothing is missed. When the watch ends, since its revision was
// compacted or the member lost its leader, it starts again with the reading.
func (s *Store) Wait(ctx context.Context, prefix, after string) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	from, end := s.rangeOf(prefix, after)
	for {
		resp, err := c.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(1), clientv3.WithKeysOnly())
		if err != nil {
			return explain(ctx, err)
		}
		if len(resp.Kvs) > 0 || watch(ctx, c, from, end, resp.Header.Revision+1) {
			return nil
		}
		select {
		case <-time.After(rewatch):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch waits for a key of a range, and reports whether there is one. It returns false when
// the watch ended before, or its context.
func watch(ctx context.Context, c *clientv3.Client, from, end string, revision int64) bool {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	for resp := range c.Watch(ctx, from, clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithFilterDelete()) {
		if len(resp.Events) > 0 {
			return true
		}
	}
	return false
}

// Close implements [release.Store].
func (s *Store) Close() error {
	if s.client == nil {
		return nil
	}
	return s.client.Close()
}
