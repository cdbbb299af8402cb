package gpu_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders/check"
	"wgnin/shaders/checktest"
)

func TestCompilersAccept(t *testing.T) {
	text, err := os.ReadFile("present.wgsl")
	require.NoError(t, err)
	checktest.Compile(t, []string{string(text)})
	t.Run("HLSL and MSL", func(t *testing.T) {
		checktest.Translate(t, []check.Case{{Kernel: "present", WGSL: string(text)}})
	})
}

// A window shows each value of each channel of the picture exactly, whatever its format.
func TestWindowShowsThePicture(t *testing.T) {
	d := gputest.Device(t)
	const width, height = 67, 13 // primes, so that rows are not multiples of anything
	picture := make([]uint32, width*height)
	for i := range picture {
		picture[i] = uint32(i&255) | uint32((i+85)&255)<<8 | uint32((i+170)&255)<<16
	}
	b, err := d.NewBuffer("picture", int64(len(picture))*4)
	require.NoError(t, err)
	defer b.Release()
	require.NoError(t, gpu.Write(b.All(), picture))
	for format, rgb := range gpu.BlitFormats {
		out, pitch, err := d.Blit(format, b.All(), width, height)
		require.NoError(t, err, format)
		for i, want := range picture {
			p := out[i/width*pitch+i%width*4:]
			got := uint32(p[rgb[0]]) | uint32(p[rgb[1]])<<8 | uint32(p[rgb[2]])<<16
			if !assert.Equalf(t, want, got, "%s: pixel %d", format, i) {
				break
			}
			require.Equal(t, uint8(255), p[3], "%s: alpha of pixel %d", format, i)
		}
	}
}
