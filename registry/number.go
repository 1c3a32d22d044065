package registry

import "strings"

// cutDigits returns s without the decimal digits at its start, and their number.
func cutDigits(s string) (rest string, n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[n:], n
}

// cutInteger returns s without the JSON integer at its start, and whether there is
// one.
func cutInteger(s string) (rest string, ok bool) {
	s = strings.TrimPrefix(s, "-")
	rest, n := cutDigits(s)
	return rest, n == 1 || n > 1 && s[0] != '0'
}

// isNumber reports whether s is a JSON number.
func isNumber(s string) bool {
	s, ok := cutInteger(s)
	if fraction, found := strings.CutPrefix(s, "."); found {
		var n int
		s, n = cutDigits(fraction)
		ok = ok && n > 0
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		var n int
		s, n = cutDigits(s)
		ok = ok && n > 0
	}
	return ok && s == ""
}

func isSpecialFloat(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s == "inf" || s == "nan"
}

// isTime reports whether s has the form of a TOML date, time of day, or both.
func isTime(s string) bool {
	rest, hasDate := cutPattern(s, "0000-00-00")
	if !hasDate {
		rest, ok := cutTimeOfDay(s)
		return ok && rest == ""
	}
	if rest == "" {
		return true
	}
	if !strings.ContainsRune("Tt ", rune(rest[0])) {
		return false
	}
	rest, ok := cutTimeOfDay(rest[1:])
	if !ok {
		return false
	}
	switch {
	case rest == "", rest == "Z", rest == "z":
		return true
	case rest[0] == '+' || rest[0] == '-':
		rest, ok := cutPattern(rest[1:], "00:00")
		return ok && rest == ""
	}
	return false
}

// cutTimeOfDay returns s without the time of day at its start, and whether there is
// one. The seconds and their fraction are optional.
func cutTimeOfDay(s string) (rest string, ok bool) {
	s, ok = cutPattern(s, "00:00")
	if !ok {
		return s, false
	}
	seconds, found := cutPattern(s, ":00")
	if !found {
		return s, true
	}
	if fraction, found := strings.CutPrefix(seconds, "."); found {
		rest, n := cutDigits(fraction)
		return rest, n > 0
	}
	return seconds, true
}

// cutPattern returns s without a prefix of the form of pattern, in which 0 stands for
// any digit and any other byte for itself.
func cutPattern(s, pattern string) (rest string, ok bool) {
	if len(s) < len(pattern) {
		return s, false
	}
	for i := range len(pattern) {
		if isDigit := '0' <= s[i] && s[i] <= '9'; pattern[i] == '0' && !isDigit || pattern[i] != '0' && s[i] != pattern[i] {
			return s, false
		}
	}
	return s[len(pattern):], true
}
