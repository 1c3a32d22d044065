package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// An asset is a file that pages refer to.
type asset struct {
	content []byte
	version string // of the content
}

var assets = readAssets()

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

func readAssets() map[string]asset {
	all := make(map[string]asset)
	files, _ := assetFiles.ReadDir("assets") // embedded
	for _, f := range files {
		content, _ := assetFiles.ReadFile("assets/" + f.Name())
		sum := sha256.Sum256(content)
		all[f.Name()] = asset{content, hex.EncodeToString(sum[:6])}
	}
	return all
}

// assetVersion returns the version of an asset, which is part of its address. So it can be kept
// for ever, and a new one is fetched at once.
func assetVersion(name string) string { return assets[name].version }

func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
	w.Header().Set("ETag", `"`+a.version+`"`)
	w.Header().Del("Vary")
	if r.URL.RawQuery == a.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
