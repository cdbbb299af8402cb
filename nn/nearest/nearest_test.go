package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nn/nearest"
)

func TestWord(t *testing.T) {
	words := []string{"d2l", "mini", "lin2013"}
	for name, want := range map[string]string{
		"mini": "mini", "minni": "mini", "imni": "mini", "lin13": "lin2013", "D2l": "d2l", "": "d2l",
	} {
		assert.Equal(t, want, nearest.Word(name, words), name)
	}
	assert.Empty(t, nearest.Word("mini", nil))
}
