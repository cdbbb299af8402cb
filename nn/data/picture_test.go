package data

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadImage has four pixels as Pillow reads them:
//
//	img = Image.new("RGB", (2, 2)); img.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 77)])
//	list(img.convert("L").getdata())  # [76, 150, 29, 129]
func TestReadImage(t *testing.T) {
	img := image.NewPaletted(image.Rect(3, 1, 5, 3), color.Palette{
		color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.RGBA{10, 200, 77, 255},
	})
	img.Pix = []uint8{0, 1, 2, 3}
	var g bytes.Buffer
	require.NoError(t, gif.Encode(&g, img, nil))
	var partial bytes.Buffer // a first frame that is not the whole screen
	require.NoError(t, gif.EncodeAll(&partial, &gif.GIF{
		Image: []*image.Paletted{img}, Delay: []int{0}, Config: image.Config{ColorModel: img.Palette, Width: 9, Height: 8},
	}))
	grey16 := image.NewGray16(image.Rect(0, 0, 3, 1))
	grey16.Pix = []uint8{0, 255, 77, 1, 255, 0}
	dir := tree(t, map[string][]byte{
		"colour.png": pngOf(img), "colour.gif": g.Bytes(), "partial.gif": partial.Bytes(), "flat.jpg": jpegOf(flat(5, 7, 200)),
		"grey16.png": pngOf(grey16), "text.png": []byte("text"), "cut.png": pngOf(img)[:60],
	})
	for _, c := range []struct {
		file       string
		c, h, w    int
		wantPixels []uint8
	}{
		{"colour.png", 1, 2, 2, []uint8{76, 150, 29, 129}},
		{"colour.gif", 1, 2, 2, []uint8{76, 150, 29, 129}},
		{"partial.gif", 1, 2, 2, []uint8{76, 150, 29, 129}},
		{"colour.png", 3, 2, 2, []uint8{255, 0, 0, 10, 0, 255, 0, 200, 0, 0, 255, 77}},
		{"flat.jpg", 1, 7, 5, bytes.Repeat([]byte{200}, 35)},
		{"grey16.png", 1, 1, 3, []uint8{0, 77, 255}},
		{"grey16.png", 3, 1, 3, []uint8{0, 77, 255, 0, 77, 255, 0, 77, 255}},
	} {
		got, err := ReadImage(filepath.Join(dir, c.file), c.c)
		require.NoError(t, err)
		assert.Equal(t, &Images{C: c.c, H: c.h, W: c.w, Pixels: c.wantPixels, Labels: []uint8{0}}, got, c.file)
	}
	for file, says := range map[string]string{
		"text.png": "text.png: not a PNG, JPEG or GIF image", "cut.png": "cut.png: a PNG image that is cut short",
		"none.png": "none.png: no such file", ".": "not a PNG",
	} {
		_, err := ReadImage(filepath.Join(dir, file), 1)
		assert.ErrorContains(t, err, says)
	}
	_, err := ReadImage(filepath.Join(dir, "colour.png"), 4)
	assert.ErrorContains(t, err, "the network takes 4 channels")
}

// FuzzImage: whatever is accepted has as many values as pixels, grey or of three colours.
func FuzzImage(f *testing.F) {
	img := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	img.Pix[0], img.Pix[7] = 200, 255
	var g bytes.Buffer
	require.NoError(f, gif.EncodeAll(&g, &gif.GIF{
		Image: []*image.Paletted{image.NewPaletted(image.Rect(1, 1, 3, 2), color.Palette{color.White, color.Black})}, Delay: []int{0},
		Config: image.Config{Width: 5, Height: 4},
	}))
	lying := bytes.Clone(pngOf(img))
	copy(lying[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536x65536
	for _, b := range [][]byte{pngOf(img), pngOf(flat(2, 2, 7)), jpegOf(flat(2, 2, 7)), jpegOf(img), g.Bytes(), withSum(lying)} {
		f.Add(b)
		f.Add(b[:len(b)-8])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeader(bytes.NewReader(b))
		if err == nil && h.w*h.h > 1<<16 { // right, but slow
			return
		}
		d, err := decode(bytes.NewReader(b))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Contains(t, []int{d.h * d.w, 3 * d.h * d.w}, len(d.planes))
	})
}
