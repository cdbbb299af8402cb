package checktest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSharedBytes(t *testing.T) {
	for hlsl, want := range map[string]int{
		"":                               0,
		"static float4 a[16];\n":         0,
		"groupshared float a;\n":         4,
		"groupshared int a[3];\n":        12,
		"groupshared uint2 a[2][5];\n":   80,
		"groupshared float4 tile[16];\n": 256,
		"groupshared float4 tile_a[4];\ngroupshared float4 tile_b[8];\n\nvoid main() {}\n": 192,
	} {
		bytes, err := sharedBytes(hlsl)
		require.NoError(t, err)
		assert.Equal(t, want, bytes, hlsl)
	}
	for _, hlsl := range []string{"groupshared float4x4 a;\n", "groupshared Entry a[3];\n", "groupshared bool a;\n"} {
		_, err := sharedBytes(hlsl)
		assert.ErrorContains(t, err, hlsl[:len(hlsl)-1])
	}
}
