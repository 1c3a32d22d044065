package dirstore

import (
	"context"

	"github.com/fsnotify/fsnotify"
)

// Wait implements [release.Store]. It learns of changes by events, which network file systems
// do not report.
func (s *Store) Wait(ctx context.Context, prefix, after string) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return s.wait(ctx, err)
	}
	defer w.Close()
	dir := s.path(prefix)
	if w.Add(dir) != nil {
		dir = s.dir // until it is made
		if err := w.Add(dir); err != nil {
			return s.wait(ctx, err)
		}
	}
	for { // the events are watched for, so that nothing is missed
		for _, err := range s.List(ctx, prefix, after) {
			return s.wait(ctx, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-w.Events:
			if !ok {
				return s.wait(ctx, nil)
			}
			if dir == s.dir { // perhaps the one that was missing
				return nil
			}
		case err := <-w.Errors:
			return s.wait(ctx, err)
		}
	}
}

// wait returns the result of Wait: without events it lasts as long as its context.
func (s *Store) wait(ctx context.Context, err error) error {
	if err == nil {
		return ctx.Err()
	}
	<-ctx.Done()
	return ctx.Err()
}
