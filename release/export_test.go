package release

import (
	"encoding/json"
	"time"
)

// SetClock sets the clock of a repository.
func (repo *Repository) SetClock(now func() time.Time) { repo.now = now }

// Compress returns the key and the value of the blob of some content.
func Compress(content []byte) (key string, value []byte) {
	return refOf(content).key(), compress(content)
}

// EncodeRef returns a reference to some content, with another size unless it is negative.
func EncodeRef(content []byte, size int64) json.RawMessage {
	r := refOf(content)
	if size >= 0 {
		r.Size = size
	}
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return text
}

// ShardOf returns the shard of a name.
func ShardOf(name string, bits int) int { return shardOf(name, bits) }
