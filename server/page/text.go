package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// show returns a text as HTML. A character that cannot be seen, or that changes the direction
// of others, is shown as its number: text of datasets can come from anywhere. Of a long text
// only the beginning is shown.
func show(limit int, s string) template.HTML {
	var b strings.Builder
	shown := s
	if len(s) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		shown = s[:cut]
	}
	for len(shown) > 0 {
		i := strings.IndexFunc(shown, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && r != '\n' && r != '\t' })
		if i < 0 {
			break
		}
		b.WriteString(template.HTMLEscapeString(shown[:i]))
		r, n := utf8.DecodeRuneInString(shown[i:])
		if n == 1 && r == utf8.RuneError {
			fmt.Fprintf(&b, `<i class=code>%02X</i>`, shown[i])
		} else {
			fmt.Fprintf(&b, `<i class=code data-char=%d>U+%04X</i>`, r, r)
		}
		shown = shown[i+n:]
	}
	b.WriteString(template.HTMLEscapeString(shown))
	if len(s) > limit {
		fmt.Fprintf(&b, `… <i class=code>%s in all</i>`, plural(utf8.RuneCountInString(s), "character"))
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}

// words returns an identifier as HTML that breaks after underscores.
func words(limit int, s any) template.HTML {
	return template.HTML(strings.ReplaceAll(string(show(limit, fmt.Sprint(s))), "_", "_<wbr>")) //nolint:gosec // no markup of show has an underscore
}

// number returns a number with a comma between thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural returns a number with its noun in the right form.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// moment returns a time as HTML. The script shows it in the time zone of the reader.
func moment(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime=%s>%s</time>`, t.Format("2006-01-02T15:04:05.000Z"), t.Format("2006-01-02 15:04:05 UTC"))) //nolint:gosec // digits
}

// isURL reports whether a text is a URL that a page may link to.
func isURL(s string) bool {
	if len(s) > 2000 {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
