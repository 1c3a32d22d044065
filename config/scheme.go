package config

import (
	"slices"
	"strings"
)

// schemes are the URL schemes of the places where datasets are kept, the most common first.
var schemes = []string{
	"https", "http", "az", "s3", "gs", "file", "hf", "abfs", "abfss", "adl", "azure", "cos", "dbfs", "ftp", "ftps", "gcs", "hdfs", "oci", "oss",
	"s3a", "s3n", "scp", "sftp", "ssh", "swift", "wasb", "wasbs", "webdav", "webdavs", "webhdfs",
}

// checkPath warns about a path that looks like a URL and is none of a known scheme, and hints at
// the https form of an az:// path, which only Azure's own tools read. The path is at the node of a
// field, or at the i-th item of that field.
func (e *entry) checkPath(field, at int32, i int, path string) {
	if !isPathOrURL(path) {
		return
	}
	report := func(s Severity, r Rule, topic string) *Diagnostic {
		d := e.p.reportOnce(int(e.p.tree.nodes[at].at), s, r, topic)
		if d != nil {
			d.Field, d.Value = e.pathOf(&e.p.tree.nodes[field]), truncate(path)
			if at != field {
				d.Field = element(d.Field, i)
			}
		}
		return d
	}
	scheme, rest, isURL := strings.Cut(path, "://")
	switch scheme = strings.ToLower(scheme); {
	case isURL && len(scheme) > 1 && !slices.Contains(schemes, scheme): // C://data has a scheme of one letter
		if d := report(SeverityWarning, RuleUnknownScheme, scheme); d != nil {
			d.Message, d.Suggestion = "unknown scheme "+truncate(scheme), suggestScheme(scheme)
		}
	case !isURL:
		if scheme, rest := almostURL(path); scheme != "" {
			if d := report(SeverityWarning, RuleUnknownScheme, ""); d != nil {
				d.Message, d.Suggestion = scheme+" is not followed by ://", truncate(scheme+"://"+rest)
			}
		}
	case scheme == "az":
		account, blob, found := strings.Cut(rest, "/")
		if !found {
			return
		}
		if d := report(SeverityHint, RuleAzurePath, fieldOf(&e.p.tree.nodes[field]).snake); d != nil {
			d.Message = "browsers cannot read az:// paths; the https form is https://" + truncate(account) + ".blob.core.windows.net/" + truncate(blob)
		}
	}
}

// almostURL returns the parts of a URL that lacks the colon or a slash after its scheme. The scheme
// is empty if path is something else. The URL of a file may have any number of slashes.
func almostURL(path string) (scheme, rest string) {
	i := strings.IndexAny(path, ":/")
	if i < 0 {
		return "", ""
	}
	scheme, rest = strings.ToLower(path[:i]), path[i:]
	switch {
	case scheme == "file" || !slices.Contains(schemes, scheme), rest[0] == '/' && !strings.HasPrefix(rest, "//"):
		return "", ""
	}
	return scheme, strings.TrimLeft(rest, ":/")
}

// suggestScheme returns the known scheme that is closest to scheme, or "".
func suggestScheme(scheme string) string {
	return closestName(scheme, schemes, 2)
}
