package onnx

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecode checks that the weights of an accepted file have as many values as their shapes
// require, and that other files cause errors of one line.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"tiny", "helper", "double", "outside"} {
		file, err := os.ReadFile("testdata/" + name + ".onnx")
		require.NoError(f, err)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		weights, _, err := decode(b)
		if err != nil {
			require.NotContains(t, strings.TrimSpace(err.Error()), "\n")
			return
		}
		for _, w := range weights {
			n := 1
			for _, size := range w.Shape {
				require.GreaterOrEqual(t, size, 0)
				n *= size
			}
			require.Len(t, w.Data, n)
		}
	})
}
