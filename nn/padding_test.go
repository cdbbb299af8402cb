package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn"
)

// TestSame follows the documentation of TensorFlow's tf.nn ("Notes on padding"):
//
//	pad = max(kernel - stride, 0) if size % stride == 0 else max(kernel - size % stride, 0)
//	before = pad // 2; after = pad - before; output = ceil(size / stride)
//
// The rows were worked out by hand. The test also compares every small size with the formula.
func TestSame(t *testing.T) {
	for _, c := range []struct{ size, kernel, stride, before, after, out int }{
		{28, 5, 1, 2, 2, 28},
		{28, 4, 1, 1, 2, 28},
		{28, 3, 2, 0, 1, 14},
		{27, 3, 2, 1, 1, 14},
		{13, 6, 5, 1, 2, 3}, // the example of the documentation
		{224, 11, 4, 3, 4, 56},
		{7, 2, 2, 0, 1, 4},
		{8, 2, 2, 0, 0, 4},
		{8, 1, 3, 0, 0, 3}, // the stride skips pixels: no padding is negative
		{5, 1, 4, 0, 0, 2},
		{1, 3, 1, 1, 1, 1},
		{1, 2, 7, 0, 1, 1},
		{3, 7, 1, 3, 3, 3},
	} {
		before, after := nn.SameSides(c.size, c.kernel, c.stride)
		assert.Equal(t, [2]int{c.before, c.after}, [2]int{before, after}, "%+v", c)
		out, err := nn.OutShape(nn.Conv2D{Out: 1, Kernel: c.kernel, Stride: c.stride, Pad: nn.Same},
			nn.Shape{C: 1, H: c.size, W: c.size})
		require.NoError(t, err)
		assert.Equal(t, nn.Shape{C: 1, H: c.out, W: c.out}, out, "%+v", c)
	}
	for size := 1; size <= 20; size++ {
		for kernel := 1; kernel <= 8; kernel++ {
			for stride := 1; stride <= 6; stride++ {
				pad := max(kernel-stride, 0)
				if size%stride != 0 {
					pad = max(kernel-size%stride, 0)
				}
				before, after := nn.SameSides(size, kernel, stride)
				assert.Equal(t, [2]int{pad / 2, pad - pad/2}, [2]int{before, after}, "size %d, kernel %d, stride %d",
					size, kernel, stride)
				out, err := nn.OutShape(nn.Conv2D{Out: 1, Kernel: kernel, Stride: stride, Pad: nn.Same},
					nn.Shape{C: 1, H: size, W: 1})
				require.NoError(t, err)
				assert.Equal(t, (size+stride-1)/stride, out.H)
			}
		}
	}
}

// TestValid checks that TensorFlow's "valid" gives ceil((size - kernel + 1) / stride) outputs.
func TestValid(t *testing.T) {
	for size := 1; size <= 20; size++ {
		for kernel := 1; kernel <= size; kernel++ {
			for stride := 1; stride <= 6; stride++ {
				out, err := nn.OutShape(nn.MaxPool2D{Kernel: kernel, Stride: stride, Pad: nn.Valid},
					nn.Shape{C: 1, H: size, W: size})
				require.NoError(t, err)
				assert.Equal(t, (size-kernel+stride)/stride, out.H)
			}
		}
	}
}
