package disk

import (
	"path"
	"strings"
)

// IsDocument reports whether a base name is that of a dataset file: *.toml, *.json or
// *.jsonc, in upper or lower case, but neither a dot file nor what a tool leaves beside a
// file (see [Ignored]).
func IsDocument(base string) bool {
	return isFormat(base) && !strings.HasPrefix(base, ".") && leftover(base) == ""
}

func isFormat(base string) bool {
	ext := strings.ToLower(path.Ext(base))
	return ext == ".toml" || ext == ".json" || ext == ".jsonc"
}

// Ignored returns why a file is not read although its base name looks like that of a dataset
// file: it has the extension of another format, something follows the extension, or a tool
// has left it. Ignored returns "" for a dataset file, for a dot file, and for any other name.
func Ignored(base string) (why string) {
	switch {
	case strings.HasPrefix(base, "."), !hasDataExtension(base):
		return ""
	case leftover(base) != "":
		return leftover(base)
	case isFormat(base):
		return ""
	default:
		return "not .toml, .json or .jsonc"
	}
}

// dataExtensions are those of the formats that people write datasets in.
var dataExtensions = map[string]bool{
	"toml": true, "json": true, "jsonc": true, "json5": true, "jsonl": true, "ndjson": true, "hjson": true, "yaml": true, "yml": true,
}

// hasDataExtension reports whether a name has the extension of a data format, at its end or
// before something else, as in a.toml~ or a.json.bak.
func hasDataExtension(base string) bool {
	for _, rest, ok := strings.Cut(strings.ToLower(base), "."); ok; _, rest, ok = strings.Cut(rest, ".") {
		word := rest
		if end := strings.IndexFunc(rest, func(r rune) bool { return (r < 'a' || 'z' < r) && (r < '0' || '9' < r) }); end >= 0 {
			word = rest[:end]
		}
		if dataExtensions[word] {
			return true
		}
	}
	return false
}

// leftovers are the names, in lower case, that tools give to copies and to temporary files
// beside a file. A name must have all parts of an entry.
var leftovers = []struct{ prefix, infix, suffix, what string }{
	{"", ".sync-conflict-", "", "Syncthing conflict copy"},
	{"~syncthing~", "", "", "Syncthing temporary file"},
	{"", "conflicted copy", "", "Dropbox conflict copy"}, // "(Ann's conflicted copy 2026-01-01)"; Nextcloud too
	{"", "(case conflict", "", "Dropbox conflict copy"},
	{"", "(unicode encoding conflict", "", "Dropbox conflict copy"},
	{"~$", "", "", "Office lock file"},
	{"~", "", "", "temporary file"},
	{"#", "", "", "Emacs auto-save file"},
	{"", "", "~", "editor backup"}, // Emacs, Vim and patch
	{"", "", ".swp", "Vim swap file"},
	{"", "", "___jb_tmp___", "JetBrains temporary file"},
	{"", "", "___jb_old___", "JetBrains backup"},
	{"", "", "___jb_bak___", "JetBrains backup"},
	{"", "", ".orig", "merge or patch backup"},
	{"", "", ".rej", "patch reject file"},
	{"", "", ".dpkg-old", "dpkg leftover"},
	{"", "", ".dpkg-dist", "dpkg leftover"},
	{"", "", ".dpkg-new", "dpkg leftover"},
	{"", "", ".dpkg-tmp", "dpkg leftover"},
	{"", "", ".rpmsave", "rpm leftover"},
	{"", "", ".rpmnew", "rpm leftover"},
	{"", "", ".rpmorig", "rpm leftover"},
}

// leftover returns what a base name is, if a tool has left it.
func leftover(base string) (what string) {
	lower := strings.ToLower(base)
	for i := range leftovers {
		l := &leftovers[i]
		if strings.HasPrefix(lower, l.prefix) && strings.HasSuffix(lower, l.suffix) && strings.Contains(lower, l.infix) {
			return l.what
		}
	}
	// The names of git mergetool end in the number of its process: a_BACKUP_123.toml.
	stem := strings.TrimSuffix(base, path.Ext(base))
	rest := strings.TrimRight(stem, "0123456789")
	if len(rest) < len(stem) {
		for _, part := range []string{"_BACKUP_", "_BASE_", "_LOCAL_", "_REMOTE_", "_LOCAL_LCONFL_", "_REMOTE_RCONFL_"} {
			if strings.HasSuffix(rest, part) {
				return "git mergetool leftover"
			}
		}
	}
	return ""
}
