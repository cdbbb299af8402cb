package nn_test

import (
	"log"
	"os"
	"testing"

	"wgnin/gpu/gputest"
)

func TestMain(m *testing.M) {
	// Where the examples find the images.
	if err := os.Setenv("NIN_DATA", "data/testdata"); err != nil {
		log.Fatal(err)
	}
	gputest.Examples(m)
}
