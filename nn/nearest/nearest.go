// Package nearest suggests the known name that is closest to an unknown one, for errors.
package nearest

import "strings"

// Hint returns a part of an error message: the list of words, and the one that is nearest to name,
// if there is one (see [Of]).
func Hint(name string, words []string) string {
	all := strings.Join(words, ", ")
	if best := Of(name, words); best != "" {
		return "the nearest is " + best + " (of " + all + ")"
	}
	return "the choices are " + all
}

// Of returns the word that is nearest to name. A word is near if it contains name, or if name
// becomes the word by changes to at most half of its bytes. If no word is near, Of returns "".
func Of(name string, words []string) string {
	best, least := "", len(name)/2+1
	for _, w := range words {
		d := distance(name, w)
		if name != "" && strings.Contains(w, name) {
			d = 0
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// distance returns the Levenshtein distance of a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the table, for a prefix of a
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
