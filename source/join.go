package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Part is one source of a [Join].
type Part struct {
	Prefix string // is put before the names of its documents, like "1-base/"
	Source Source
}

// Join returns a source of the documents of several others. The datasets of a later part
// override those of an earlier one, because registries order documents by name: each
// prefix must sort after the one before it, and none may begin with another.
//
// A part that cannot be read does not affect the others: what they deliver comes in a batch
// beside the error.
func Join(parts ...Part) (Source, error) {
	for i := range parts[:max(len(parts)-1, 0)] {
		a, b := parts[i].Prefix, parts[i+1].Prefix
		if a >= b || strings.HasPrefix(b, a) {
			return nil, fmt.Errorf("source: prefix %q must sort after %q and not begin with it", b, a)
		}
	}
	return &joined{slices.Clone(parts)}, nil
}

type joined struct{ parts []Part }

// Wait waits for the first part that may have changed.
func (j *joined) Wait(ctx context.Context) error {
	if len(j.parts) == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	partCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs, returned := make([]error, len(j.parts)), make(chan int, len(j.parts))
	for i, p := range j.parts {
		go func() {
			errs[i] = p.Source.Wait(partCtx)
			returned <- i
		}()
	}
	first := <-returned
	cancel()
	for range len(j.parts) - 1 {
		<-returned // Poll finds what these parts saw
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errs[first]
}

// Poll polls every part.
func (j *joined) Poll(ctx context.Context, depth Depth) (Batch, error) {
	all := Batch{Health: Health{Notified: true}}
	var modes []string
	var errs []error
	for _, p := range j.parts {
		b, err := p.Source.Poll(ctx, depth)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Prefix, err))
		}
		for _, d := range b.Changed {
			d.Name = p.Prefix + d.Name
			all.Changed = append(all.Changed, d)
		}
		for _, name := range b.Removed {
			all.Removed = append(all.Removed, p.Prefix+name)
		}
		for _, name := range b.Pending {
			all.Pending = append(all.Pending, p.Prefix+name)
		}
		all.Health.add(b.Health)
		for _, f := range b.Health.Ignored {
			f.Name = p.Prefix + f.Name
			all.Health.Ignored = append(all.Health.Ignored, f)
		}
		if !slices.Contains(modes, b.Health.Mode) {
			modes = append(modes, b.Health.Mode)
		}
	}
	all.Health.Mode = strings.Join(modes, ",")
	return all, errors.Join(errs...)
}

// Close closes every part.
func (j *joined) Close() error {
	var errs []error
	for _, p := range j.parts {
		errs = append(errs, p.Source.Close())
	}
	return errors.Join(errs...)
}

// add adds the health of a part to that of the whole, except for the mode and the ignored
// files.
func (h *Health) add(part Health) {
	h.Notified = h.Notified && part.Notified
	if h.Problem == "" {
		h.Problem = part.Problem
	}
	if h.Release == nil {
		h.Release = part.Release
	}
	h.LastScan = earliest(h.LastScan, part.LastScan)
	h.Events += part.Events
	h.Overflows += part.Overflows
	h.WatchErrors += part.WatchErrors
	h.Resyncs += part.Resyncs
	h.ResyncChanges += part.ResyncChanges
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
