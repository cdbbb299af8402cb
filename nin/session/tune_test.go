package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn"
)

// A damaged file of measured kernels gives an error that names it; a missing file gives no error.
func TestReadKernels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernels.json")
	known, err := readKernels(path)
	require.NoError(t, err)
	assert.Equal(t, nn.Kernels{}, known)
	for text, says := range map[string]string{
		"":          "unexpected end of JSON input",
		"{\"a\":":   "unexpected end of JSON input",
		"[]":        "cannot unmarshal array",
		"{\"a\":1}": "cannot unmarshal number",
		"null":      "null; want an object",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readKernels(path)
		assert.ErrorContains(t, err, path+": ", text)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "; remove it to measure again")
	}
	require.NoError(t, os.WriteFile(path, []byte(`{"forward":"block 8"}`), 0o600))
	known, err = readKernels(path)
	require.NoError(t, err)
	assert.Equal(t, nn.Kernels{"forward": "block 8"}, known)
}
