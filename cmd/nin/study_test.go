package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// With 16 images, a training is the recipe's five epochs of one step each.
func TestStudy(t *testing.T) {
	gputest.Device(t)
	dir := t.TempDir()
	code, out, stderr := runNin("study", "2", "-data", fashionDir, "-train-images", "16", "-test-images", "16",
		"-seeds", "1", "-budget", "1h", "-out", dir)
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "each training has 5 steps of 16 images")
	assert.Contains(t, out, "3x3              seed 0  test accuracy 0.")
	assert.FileExists(t, filepath.Join(dir, "study-2.md"))
	assert.FileExists(t, filepath.Join(dir, "study-2.png"))
}

func TestStudyRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want one exercise, 1 to 6"},
		{[]string{"1", "2"}, 2, "want one exercise, 1 to 6"},
		{[]string{"0"}, 2, "there is no exercise 0; the chapter's are 1 to 6"},
		{[]string{"7"}, 2, "there is no exercise 7"},
		{[]string{"4"}, 2, "exercise 4 needs no experiment: go run ./cmd/nin cost"},
		{[]string{"one"}, 2, `"one" is not an exercise`},
		{[]string{"1", "-budget", "10"}, 2, "-budget"},
		{[]string{"1", "-budget", "-10m"}, 2, "want a time such as 10m"},
		{[]string{"1", "-seeds", "0"}, 2, "want 1 to 1000"},
		{[]string{"1", "-train-images", "-1"}, 2, "want 0 (all) or more"},
		{[]string{"1", "-dataset", "minst"}, 2, "the nearest is mnist"},
		{[]string{"1", "-out", "study_test.go/none"}, 1, "-out: mkdir study_test.go"},
		{[]string{"1", "-data", dir}, 1, "-ubyte"},
	} {
		refuses(t, append([]string{"study"}, c.args...), c.code, c.says)
	}
}
