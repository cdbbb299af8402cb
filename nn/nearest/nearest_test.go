package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"wgnin/nn/nearest"
)

func TestHint(t *testing.T) {
	words := []string{"d2l", "mini", "lin2013", "fashion-mnist"}
	for name, want := range map[string]string{
		"minni": "mini", "imni": "mini", "lin13": "lin2013", "D2l": "d2l", "fashion": "fashion-mnist",
		"fashion-minst": "fashion-mnist",
	} {
		assert.Equal(t, "the nearest is "+want+" (of d2l, mini, lin2013, fashion-mnist)",
			nearest.Hint(name, words), name)
	}
	for _, name := range []string{"", "alexnet", "x"} {
		assert.Equal(t, "the choices are d2l, mini, lin2013, fashion-mnist", nearest.Hint(name, words), name)
	}
}
