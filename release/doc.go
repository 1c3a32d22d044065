// Package release publishes catalogs of neuron datasets as numbered, immutable releases in
// a [Store], such as object storage, and follows them.
//
// A [Repository] is the entry point. One machine publishes:
//
//	repo := &release.Repository{Store: store}
//	head, err := repo.Head(ctx)
//	...
//	published, err := repo.Push(ctx, catalog, head, release.PushOptions{Message: "add gpt2-xl"})
//
// Any number of others follow:
//
//	w, err := watcher.Follow(ctx, repo.Source(release.SourceOptions{}))
//
// A [Relay] has what others may follow over HTTP: see package httpstore.
//
// # What a store holds
//
//	blobs/HASH          a document or a part of a manifest, compressed; HASH is the SHA-256
//	                    of the content
//	releases/00000042   the record of release 42: the hash of its manifest, who published
//	                    it, and when
//
// Nothing is ever overwritten. To create the record of the next number, which fails if it
// exists, is to publish the release. Everything read from a store is verified, and a release
// that fails is refused whole with a [*RefusedError].
//
// A manifest has two levels. The documents are divided into shards by a hash of their names,
// about as many shards as the square root of the number of documents; the root lists the
// shards. If one of 10,000 documents changes, that document, one shard of about 80 entries
// and the root are new, about 8 kB apart from the document. The manifest depends on the
// documents only.
//
// Each document is a blob of its own. That costs a request for each document at the first
// pull, about 0.4 cents for 10,000 documents on S3, and a few seconds since 32 requests run
// at a time. Packs of documents would need fewer requests, but a pack that is mostly
// outdated must be stored and read for what is left of it.
package release
