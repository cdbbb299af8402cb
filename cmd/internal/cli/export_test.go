package cli

import (
	"io"
	"time"
)

// OnCrash is onCrash, which Open calls around a compilation.
var OnCrash = onCrash

// Compiling returns the function that shows the progress for Open, on a terminal or elsewhere.
func Compiling(w io.Writer, terminal bool, every time.Duration) func(done, all int) {
	return (&compiling{w: w, terminal: terminal, every: every}).show
}
