package viz

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table of keys in README.md has every key that types something.
func TestReadmeHasTheKeys(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for typed := range letters {
		key := "`" + strings.ToUpper(string(typed)) + "`"
		if typed == ' ' {
			key = "Space"
		}
		assert.True(t, strings.Contains(string(text), key), "README.md has no key %s", key)
	}
}
