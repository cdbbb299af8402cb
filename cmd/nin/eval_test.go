package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin/nintest"
	"wgnin/nin/report"
)

const fashionDir = "../../nn/data/testdata/fashion-mnist"

// newModel is a file with weights of mini as they start, as PyTorch saves them.
func newModel(t *testing.T) string {
	t.Helper()
	return nintest.ModelFile(t, "mini", 1, 10, nil)
}

// refuses runs the command with arguments that must be refused in one line.
func refuses(t *testing.T, args []string, wantCode int, says string) {
	t.Helper()
	code, out, stderr := runNin(args...)
	assert.Equal(t, wantCode, code, "%v: %s", args, stderr)
	assert.Empty(t, out, args)
	assert.Contains(t, stderr, says)
	assert.Regexp(t, "^[^\n]+\n$", stderr)
}

func TestEval(t *testing.T) {
	file := newModel(t)
	png := filepath.Join(t.TempDir(), "c.png")
	code, out, stderr := runNin("eval", "-model", file, "-data", fashionDir, "-test-images", "20", "-batch", "8", "-json", "-png", png)
	require.Zero(t, code, stderr)
	var e report.Scores
	require.NoError(t, json.Unmarshal([]byte(out), &e))
	assert.Equal(t, 20, e.Images)
	assert.Equal(t, "ankle boot", e.Classes[9].Name)
	assert.FileExists(t, png)
}

func TestEvalRefuses(t *testing.T) {
	file := newModel(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no weights ", 10)), 0o644))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want -model FILE"},
		{[]string{"-model", filepath.Join(dir, "none")}, 1, "no such file"},
		{[]string{"-model", text}, 1, "not a safetensors file"},
		{[]string{"-model", file, "-recipe", "d21"}, 2, "the nearest is d2l"},
		{[]string{"-model", file, "-recipe", "lin2013"}, 1, "there is no net.6.4.bias"},
		{[]string{"-model", file, "-dataset", "fashion-minst"}, 2, "the nearest is fashion-mnist"},
		{[]string{"-model", file, "-batch", "0"}, 2, "want 1 to 1000000"},
		{[]string{"-model", file, "-test-images", "-1"}, 2, "want 0 (all) or more"},
		{[]string{"-model", file, "-data", dir}, 1, "-ubyte"},
		{[]string{"-model", file, "-png", filepath.Join(dir, "none", "c.png")}, 1, "there is no folder"},
		{[]string{"-model", file, "-png", "/proc/c.png"}, 1, "-png /proc/c.png: "},
	} {
		refuses(t, append([]string{"eval"}, c.args...), c.code, c.says)
	}
}
