package command

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/neurondex/neurondex/records"
	"github.com/neurondex/neurondex/registry"
	serverrecords "github.com/neurondex/neurondex/server/records"
	"github.com/spf13/cobra"
)

// addRecordFlags adds the flags of the routes that serve stored records.
func addRecordFlags(cmd *cobra.Command) {
	addRecordCacheFlag(cmd)
	cmd.Flags().StringArray("allow-path", nil, "let requests for records name paths that no dataset has, if they are below this `prefix`, like https://host.example/data; may be repeated")
	check(cmd, "allow-path", isPathPrefix)
}

func addRecordCacheFlag(cmd *cobra.Command) {
	cmd.Flags().String("record-cache", "", fmt.Sprintf("keep downloaded records in this `directory`, up to %d MiB", records.DefaultCacheSize>>20))
}

// newStore returns the store of records. Its users share downloads and the cache.
func newStore(s *settings) *records.Store {
	return &records.Store{CacheDir: s.GetString("record-cache")}
}

// isPathPrefix refuses what would allow every path of a kind.
func isPathPrefix(text string) error {
	rest, https := strings.CutPrefix(records.CanonicalPath(text), "https://")
	host, _, _ := strings.Cut(rest, "/")
	if https && host != "" && !strings.ContainsAny(host, "@?#") || !https && !strings.Contains(text, "://") && filepath.IsAbs(text) {
		return nil
	}
	return fmt.Errorf("must be https://HOST/PATH, az://ACCOUNT/CONTAINER or an absolute directory, not %q", text)
}

// newRecordsHandler returns a handler of the routes that serve stored records.
func newRecordsHandler(s *settings, reader registry.Reader, store *records.Store) http.Handler {
	opts := []serverrecords.Option{serverrecords.AllowPaths(s.GetStringSlice("allow-path")...)}
	if s.GetBool("expose-paths") {
		opts = append(opts, serverrecords.ExposePaths())
	}
	return serverrecords.New(reader, store, opts...)
}
