package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxListed is the number of available keys up to which an error lists all of them.
	maxListed = 100
	// maxClosest is the number of keys that it lists of more than that.
	maxClosest = 10
)

// A NotFoundError reports that a snapshot has no dataset with a key. It matches
// [ErrNotFound].
type NotFoundError struct {
	Key      Key
	Snapshot *Snapshot // the snapshot that was searched
}

// Is reports whether target is [ErrNotFound].
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Error names the key, or only the short name if there is no type, and lists the available
// keys in order: all of them up to 100; of more, the closest ones, and how many there are. If
// the short name ends in "_undefined", as in a URL that lost the name of its autoencoder, a
// second line says so. If the key looks misspelled, the last line says what was meant.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	if e.Key.DerivedScalarType == "" {
		fmt.Fprintf(&b, "no neuron dataset for %q. ", e.Key.ShortName)
	} else {
		fmt.Fprintf(&b, "no neuron dataset for (%q, %q). ", e.Key.ShortName, e.Key.DerivedScalarType)
	}
	var keys []Key
	switch n := e.Snapshot.Len(); {
	case n == 0:
		b.WriteString("There are no datasets.")
	case n <= maxListed:
		keys = slices.Collect(e.Snapshot.Keys())
		b.WriteString("Available datasets: ")
	default:
		keys = e.Closest()
		fmt.Fprintf(&b, "The closest of %d available datasets: ", n)
	}
	writeKeys(&b, keys, ", ")
	if strings.HasSuffix(e.Key.ShortName, "_undefined") {
		kind := "autoencoder"
		switch e.Key.DerivedScalarType {
		case FlattenedAttnWriteToLatentSummedOverHeads, AttentionAutoencoderLatent:
			kind = "attention autoencoder"
		case MLPAutoencoderLatent:
			kind = "mlp autoencoder"
		}
		fmt.Fprintf(&b, "\nThe %s name may need to be given in the URL.", kind)
	}
	if meant := suggest(e.Key, keys); len(meant) > 0 {
		b.WriteString("\nDid you mean ")
		writeKeys(&b, meant, " or ")
		b.WriteString("?")
	}
	return b.String()
}

func writeKeys(b *strings.Builder, keys []Key, separator string) {
	for i, k := range keys {
		if i > 0 {
			b.WriteString(separator)
		}
		fmt.Fprintf(b, "(%q, %q)", k.ShortName, k.DerivedScalarType)
	}
}

// Closest returns the available keys that are most like the missing one, 10 at most, in order. It reads
// each of them once, and compares no more of it than its ends: the message of a miss must
// stay cheap in a large registry.
func (e *NotFoundError) Closest() []Key {
	type candidate struct {
		key          Key
		score, order int
	}
	best := make([]candidate, 0, maxClosest+1)
	want, order := strings.ToLower(e.Key.ShortName), 0
	for k := range e.Snapshot.Keys() {
		c := candidate{k, likeness(want, strings.ToLower(k.ShortName)), order}
		if k.ShortName == e.Key.ShortName {
			c.score += len(want) // its other types are closer than any other name
		}
		order++
		at, _ := slices.BinarySearchFunc(best, c, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
		for at < len(best) && best[at].score == c.score {
			at++ // the first of equal ones stays first
		}
		if at < maxClosest {
			best = slices.Insert(best, at, c)
			best = best[:min(len(best), maxClosest)]
		}
	}
	slices.SortFunc(best, func(a, b candidate) int { return cmp.Compare(a.order, b.order) })
	keys := make([]Key, len(best))
	for i, c := range best {
		keys[i] = c.key
	}
	return keys
}

// likeness returns how much of two names is the same, at their beginnings and their ends.
func likeness(a, b string) int {
	n := min(len(a), len(b))
	prefix := 0
	for prefix < n && a[prefix] == b[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < n-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return 2*(prefix+suffix) - len(a) - len(b)
}
