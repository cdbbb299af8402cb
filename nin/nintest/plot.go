package nintest

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Plot reads the picture of a plot and returns its size. It fails the test if anything is drawn at
// the edge, because that may be cut off.
func Plot(t *testing.T, path string) image.Point {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	const edge = 3 // pixels
	ink, inner := 0, img.Bounds().Inset(edge)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if image.Pt(x, y).In(inner) {
				continue
			}
			if c := color.RGBAModel.Convert(img.At(x, y)); c != (color.RGBA{255, 255, 255, 255}) {
				ink++
			}
		}
	}
	assert.Zero(t, ink, "pixels at the edge of %s", path)
	return img.Bounds().Size()
}
