package data

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// TestReadImage compares four pixels with Pillow's:
//
//	img = Image.new("RGB", (2, 2)); img.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 77)])
//	list(img.convert("L").getdata())  # [76, 150, 29, 129]
func TestReadImage(t *testing.T) {
	img := image.NewPaletted(image.Rect(3, 1, 5, 3), color.Palette{
		color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255},
		color.RGBA{10, 200, 77, 255},
	})
	img.Pix = []uint8{0, 1, 2, 3}
	var g bytes.Buffer
	require.NoError(t, gif.Encode(&g, img, nil))
	var partial bytes.Buffer // the first frame does not cover the whole screen
	require.NoError(t, gif.EncodeAll(&partial, &gif.GIF{
		Image: []*image.Paletted{img}, Delay: []int{0},
		Config: image.Config{ColorModel: img.Palette, Width: 9, Height: 8},
	}))
	grey16 := image.NewGray16(image.Rect(0, 0, 3, 1))
	grey16.Pix = []uint8{0, 255, 77, 1, 255, 0}
	dir := tree(t, map[string][]byte{
		"colour.png": pngOf(img), "colour.gif": g.Bytes(), "partial.gif": partial.Bytes(),
		"flat.jpg":   jpegOf(flat(5, 7, 200)),
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

// TestMended checks that files that contain all pixels are read as Pillow reads them.
func TestMended(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 20, 9))
	for i := range img.Pix {
		img.Pix[i] = uint8(i*i) | 255*uint8(i%4/3)
	}
	p, j := pngOf(img), jpegOf(img)
	sum := bytes.Clone(p)
	sum[len(p)-13]++ // of the chunk before the end
	cmyk := read(t, "testdata/pictures/cmyk.jpg")
	at := bytes.Index(cmyk, []byte{0xff, 0xee})
	plain := append(bytes.Clone(cmyk[:at]), cmyk[at+2+int(cmyk[at+3]):]...)
	for name, c := range map[string]struct {
		whole, file []byte
		damaged     string
	}{
		"checksum":       {p, sum, "a checksum is wrong"},
		"no end":         {p, p[:len(p)-12], "its end is missing"},
		"half an end":    {p, p[:len(p)-5], "its end is missing"},
		"JPEG, no end":   {j, j[:len(j)-2], "its end is missing"},
		"no Adobe":       {cmyk, plain, ""},
		"bytes after it": {j, append(bytes.Clone(j), "junk"...), ""},
	} {
		whole, err := decode(bytes.NewReader(c.whole))
		require.NoError(t, err, name)
		got, err := decode(bytes.NewReader(c.file))
		require.NoError(t, err, name)
		assert.Equal(t, c.damaged, got.damaged, name)
		got.damaged = ""
		assert.Equal(t, whole, got, name)
	}
	// Pillow: Image.open("cmyk.jpg").convert("RGB").getpixel((0, 0))
	got, err := ReadImage("testdata/pictures/cmyk.jpg", 3)
	require.NoError(t, err)
	for c, want := range []int{207, 180, 152} {
		assert.InDelta(t, want, got.Pixels[64*c], 2)
	}
	_, _, lines := noted(t, LoadOptions{Dir: tree(t,
		map[string][]byte{"train/a/x.png": sum, "train/b/x.png": p, "val/b/x.jpg": j[:len(j)-2]}), H: 9, W: 20})
	assert.Contains(t, lines, "DIR: 2 of 3 pictures are damaged but were read: ")
}

func read(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// TestNotRead checks that the errors for unreadable files say which program can read them.
func TestNotRead(t *testing.T) {
	j := jpegOf(image.NewRGBA(image.Rect(0, 0, 20, 9)))
	changed := func(marker byte, by func(segment []byte)) []byte {
		b := bytes.Clone(j)
		by(b[bytes.Index(b, []byte{0xff, marker}):])
		return b
	}
	for want, file := range map[string][]byte{
		"a JPEG image of a kind that is not read (unsupported JPEG feature: precision): ImageMagick": changed(0xc0,
			func(b []byte) { b[4] = 12 }),
		"a progressive JPEG with restart markers, which is not read": read(t,
			"testdata/pictures/progressive-restarts.jpg"),
		"a JPEG image that is cut short":                 j[:len(j)-20],
		"a HEIC, AVIF or video file, which is not read:": []byte("\x00\x00\x00\x1cftypavif"),
		"the file is empty":                              nil,
	} {
		_, err := decode(bytes.NewReader(file))
		assert.ErrorContains(t, err, want)
	}
}

// TestOrientation checks that a picture is turned as its EXIF data say, in every format. The rows
// are from Exif 2.3, tag 274.
func TestOrientation(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 3, 2))
	img.Pix = []uint8{10, 20, 30, 40, 50, 60}
	exif := func(orientation byte) []byte {
		return append([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0,
			0, 0, 0, 0, 0)
	}
	inPNG := func(orientation byte) []byte {
		chunk := append([]byte("eXIf"), exif(orientation)...)
		b := binary.BigEndian.AppendUint32(bytes.Clone(pngOf(img)[:33]), uint32(len(chunk)-4))
		b = binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE(chunk))
		return append(b, pngOf(img)[33:]...)
	}
	for orientation, want := range [][]uint8{
		{10, 20, 30, 40, 50, 60}, {10, 20, 30, 40, 50, 60}, {30, 20, 10, 60, 50, 40}, {60, 50, 40, 30, 20, 10},
		{40, 50, 60, 10, 20, 30},
		{10, 40, 20, 50, 30, 60}, {40, 10, 50, 20, 60, 30}, {60, 30, 50, 20, 40, 10}, {30, 60, 20, 50, 10, 40},
		{10, 20, 30, 40, 50, 60},
	} {
		d, err := decode(bytes.NewReader(inPNG(byte(orientation))))
		require.NoError(t, err)
		assert.Equal(t, want, d.planes, orientation)
		assert.Equal(t, orientation >= 5 && orientation <= 8, d.h == 3 && d.w == 2, orientation)
	}
	big := jpegOf(flat(16, 8, 7))
	app := append([]byte{0xff, 0xe1, 0, byte(2 + 6 + len(exif(6)))}, append([]byte("Exif\x00\x00"), exif(6)...)...)
	d, err := decode(bytes.NewReader(append(append(bytes.Clone(big[:2]), app...), big[2:]...)))
	require.NoError(t, err)
	assert.Equal(t, []int{16, 8}, []int{d.h, d.w})
	d, err = decode(bytes.NewReader(read(t, "testdata/pictures/turned.webp")))
	require.NoError(t, err)
	assert.Equal(t, []int{3, 2}, []int{d.h, d.w})
	assert.Equal(t, []uint8{40, 10, 50, 20, 60, 30}, d.planes[:6])
}

// FuzzImage checks that an accepted image has as many values as pixels, once for grey or three
// times for colours.
func FuzzImage(f *testing.F) {
	img := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	img.Pix[0], img.Pix[7] = 200, 255
	var g bytes.Buffer
	require.NoError(f, gif.EncodeAll(&g, &gif.GIF{
		Image:  []*image.Paletted{image.NewPaletted(image.Rect(1, 1, 3, 2), color.Palette{color.White, color.Black})},
		Delay:  []int{0},
		Config: image.Config{Width: 5, Height: 4},
	}))
	lying := bytes.Clone(pngOf(img))
	copy(lying[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536x65536
	var b, ti bytes.Buffer
	require.NoError(f, bmp.Encode(&b, img))
	require.NoError(f, tiff.Encode(&ti, img, nil))
	for _, name := range []string{"cmyk.jpg", "progressive-restarts.jpg", "turned.webp"} {
		file, err := os.ReadFile(filepath.Join("testdata/pictures", name))
		require.NoError(f, err)
		f.Add(file)
	}
	for _, b := range [][]byte{b.Bytes(), ti.Bytes(), pngOf(img), pngOf(flat(2, 2, 7)), jpegOf(flat(2, 2, 7)),
		jpegOf(img), g.Bytes(), withSum(lying)} {
		f.Add(b)
		f.Add(b[:len(b)-8])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeader(bytes.NewReader(b))
		if err == nil && h.w*h.h > 1<<16 { // would be accepted, but slowly
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
