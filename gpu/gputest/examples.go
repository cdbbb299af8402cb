package gputest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Examples runs the tests of a package whose examples need an adapter; TestMain calls it. An
// example cannot skip itself. So if there is no adapter, Examples skips all examples and says so on
// stderr, or fails if REQUIRE_GPU is 1.
func Examples(m *testing.M) {
	flag.Parse()
	if _, err := open(); err != nil {
		if os.Getenv("REQUIRE_GPU") == "1" {
			fmt.Fprintln(os.Stderr, "REQUIRE_GPU=1:", err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "the examples are skipped:", err)
		skip := flag.Lookup("test.skip")
		pattern := "^Example"
		if was := skip.Value.String(); was != "" {
			pattern = was + "|" + pattern
		}
		if err := skip.Value.Set(pattern); err != nil {
			panic(err) // every string is a valid value
		}
	}
	os.Exit(m.Run())
}
