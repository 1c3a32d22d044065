package command

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/neurondex/neurondex/internal/disk"
	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/server/page"
	"github.com/neurondex/neurondex/watcher"
	"github.com/spf13/cobra"
)

// addPageFlags adds the flags of the pages for people.
func addPageFlags(cmd *cobra.Command) {
	cmd.Flags().String("viewer-url", "", "`URL` of the neuron viewer that the pages of datasets link to, like http://localhost:1234")
	check(cmd, "viewer-url", isUpstream)
}

// newPage returns the pages for people. Only if paths may be exposed do they name the
// directory, and show lines of its files.
func newPage(s *settings, w *watcher.Watcher, store *records.Store, log *slog.Logger) *page.Handler {
	o := page.Options{
		Log: log, Status: w.Status, CheckHealth: w.CheckHealth,
		ViewerURL: s.GetString("viewer-url"), ExposePaths: s.GetBool("expose-paths"), Records: store,
	}
	if o.ExposePaths {
		layers := s.layers()
		o.Dir = layers[len(layers)-1].dir
		o.Source = func(document string) ([]byte, error) { return sourceOf(layers, document, s.GetBool("confined")) }
	}
	return page.New(w, o)
}

// maxSource is the size of the largest file of which lines are shown, which is also that of the
// largest file that is read.
const maxSource = 16 << 20

// sourceOf returns the content of a document of one of the layers.
func sourceOf(layers []layer, document string, confined bool) ([]byte, error) {
	for _, l := range layers {
		name, ok := strings.CutPrefix(document, l.prefix)
		if !ok || l.dir == "" {
			continue
		}
		if !confined {
			return readSource(disk.Dir(l.dir), name)
		}
		root, err := disk.OpenConfined(l.dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return readSource(root, name)
	}
	return nil, fmt.Errorf("%s: no such document", document)
}

func readSource(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSource))
}
