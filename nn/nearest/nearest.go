// Package nearest finds what was meant by a name that is not known.
package nearest

// Word is the one of words that the fewest insertions, deletions and
// replacements of bytes make of name; the first of several, "" of none.
func Word(name string, words []string) string {
	best, least := "", 0
	for _, w := range words {
		if d := distance(name, w); best == "" || d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the table for the start of a
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
