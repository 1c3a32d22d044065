package registry

import "strings"

// maxSuggested is the number of keys that an error suggests.
const maxSuggested = 3

// suggest returns the first keys with the least edit distance from a missing one, if that is
// small enough for a typing error. A missing key without a type stands for any type.
func suggest(missing Key, keys []Key) []Key {
	var best []Key
	least := -1
	for _, k := range keys {
		d, ok := typingErrors(missing.ShortName, k.ShortName)
		if ok && missing.DerivedScalarType != "" {
			var n int
			n, ok = typingErrors(string(missing.DerivedScalarType), string(k.DerivedScalarType))
			d += n
		}
		switch {
		case !ok:
		case least < 0 || d < least:
			least, best = d, []Key{k}
		case d == least && len(best) < maxSuggested:
			best = append(best, k)
		}
	}
	return best
}

// maxCompared is the length of the longest names that are compared.
const maxCompared = 100

// typingErrors returns the edit distance between what was typed and a name, ignoring case. It
// reports false if more than a third of the name differs.
func typingErrors(typed, name string) (distance int, ok bool) {
	limit := len(name) / 3
	if len(typed) > maxCompared || len(name) > maxCompared || max(len(typed)-len(name), len(name)-len(typed)) > limit {
		return 0, false
	}
	typed, name = strings.ToLower(typed), strings.ToLower(name)
	row := make([]int, len(name)+1) // distances of the text typed so far from each prefix of name
	for j := range row {
		row[j] = j
	}
	for i := range len(typed) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(name) {
			replaced := diagonal
			if typed[i] != name[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(name)], row[len(name)] <= limit
}
