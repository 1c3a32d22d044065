package command

import (
	"context"
	"log/slog"
	"strings"

	"github.com/neurondex/neurondex/registry"
	"github.com/neurondex/neurondex/registry/viewer"
)

// maxNamed is the number of datasets that a message names.
const maxNamed = 3

// logViewer reports, for the current state and after each change until ctx is done, what the
// public neuron viewer does not show: how many datasets --viewer-safe hides, or without it
// which dataset leaves the viewer's home page blank. The function that it returns ends that and
// waits.
func logViewer(ctx context.Context, reader registry.Reader, viewerSafe bool, log *slog.Logger) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u := range reader.Updates(ctx) {
			logViewerFaults(u.After, viewerSafe, log)
		}
	}()
	return func() { cancel(); <-done }
}

func logViewerFaults(s *registry.Snapshot, viewerSafe bool, log *slog.Logger) {
	count, named := viewerFaults(s, viewerSafe)
	switch {
	case count == 0:
	case viewerSafe:
		log.Info("datasets hidden from the neuron viewer", "count", count, "datasets", named)
	default:
		log.Warn("the home page of the neuron viewer is blank because of types that it does not know; hide their datasets by --viewer-safe",
			"count", count, "datasets", named)
	}
}

// viewerFaults returns the number of datasets that are hidden, or that leave the home page
// blank, and the first of them.
func viewerFaults(s *registry.Snapshot, viewerSafe bool) (count int, named string) {
	var names []string
	for k := range s.Keys() {
		fault := viewer.LeavesHomePageBlank(k)
		if viewerSafe {
			field, _ := viewer.Fault(k)
			fault = field != ""
		}
		if !fault {
			continue
		}
		if count++; count <= maxNamed {
			names = append(names, k.String())
		}
	}
	if count > maxNamed {
		names = append(names, "...")
	}
	return count, strings.Join(names, ", ")
}
