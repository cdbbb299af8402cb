package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/machine"
	"wgnin/shaders/input/pillow"
)

func pngOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withSum corrects the checksum of a PNG file's header.
func withSum(b []byte) []byte {
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// flat returns a grey image whose pixels all have one value.
func flat(w, h int, v uint8) image.Image {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	return img
}

// tree writes files, given by their paths, and returns the folder.
func tree(t *testing.T, files map[string][]byte) string {
	dir := t.TempDir()
	for name, b := range files {
		write(t, filepath.Join(dir, name), b)
	}
	return dir
}

// values returns the labels of a set of flat images, by their first pixel.
func values(s *Images) map[int]int {
	m := map[int]int{}
	for i, label := range s.Labels {
		m[int(s.Pixels[i*s.C*s.H*s.W])] = int(label)
	}
	return m
}

// TestFolderSplit checks that every sixth picture of a class, by name, is a test picture, and that
// other folders and files are ignored.
func TestFolderSplit(t *testing.T) {
	files := map[string][]byte{
		"readme.txt": nil, ".git/x.png": nil, "ant/.hidden.png": nil, "ant/notes.txt": nil, "ant/._01.PNG": nil,
		"__MACOSX/ant/._01.png": nil, "bee/@eaDir/01.png": nil,
	}
	for i := range 13 {
		files[fmt.Sprintf("bee/%02d.png", i)] = pngOf(flat(5, 4, uint8(100+i)))
		files[fmt.Sprintf("ant/%02d.PNG", i)] = pngOf(flat(5, 4, uint8(i)))
	}
	dir := tree(t, files)
	var last LoadProgress
	opt := LoadOptions{Dir: dir, H: 9, W: 9, Progress: func(p LoadProgress) { last = p }}
	train, test, err := Load(ctx, "folder", opt)
	require.NoError(t, err)
	assert.Equal(t, LoadProgress{"read " + dir, 26, 26, "images"}, last)
	assert.Equal(t, []string{"ant", "bee"}, train.Classes)
	assert.Equal(t, []int{1, 4, 5}, []int{train.C, train.H, train.W},
		"smaller than asked for, and all alike: unchanged")
	assert.Equal(t, map[int]int{5: 0, 11: 0, 105: 1, 111: 1}, values(test))
	assert.Len(t, values(train), 22)
	assert.Equal(t, 0, values(train)[0])
	assert.Equal(t, 1, values(train)[112])
	assert.Contains(t, train.Labels[:8], uint8(0), "the first images are of all classes")
	assert.Contains(t, train.Labels[:8], uint8(1), "the first images are of all classes")

	again, _, err := Load(ctx, "folder", opt)
	require.NoError(t, err)
	assert.Equal(t, train, again)
}

// TestFolderFormats checks that decoded pictures have the colours of their files.
func TestFolderFormats(t *testing.T) {
	rect := image.Rect(0, 0, 2, 1)
	fill := func(img interface {
		image.Image
		Set(x, y int, c color.Color)
	}, left, right color.Color) image.Image {
		img.Set(0, 0, left)
		img.Set(1, 0, right)
		return img
	}
	red, clear := color.NRGBA{200, 10, 20, 255}, color.NRGBA{30, 60, 90, 0}
	for name, c := range map[string]struct {
		file []byte
		want []uint8 // planar
	}{
		"grey": {pngOf(fill(image.NewGray(rect), color.Gray{7}, color.Gray{8})), []uint8{7, 8}},
		"grey of 16 bits": {pngOf(fill(image.NewGray16(rect), color.Gray16{0x12ff}, color.Gray16{0xfe01})),
			[]uint8{0x12, 0xfe}},
		"grey as colour": {pngOf(fill(image.NewNRGBA(rect), color.Gray{7}, color.Gray{8})), []uint8{7, 8}},
		"colour":         {pngOf(fill(image.NewRGBA(rect), red, color.White)), []uint8{200, 255, 10, 255, 20, 255}},
		"alpha":          {pngOf(fill(image.NewNRGBA(rect), red, clear)), []uint8{200, 255, 10, 255, 20, 255}},
		"half alpha": {pngOf(fill(image.NewNRGBA(rect), color.NRGBA{0, 0, 0, 51}, color.NRGBA{255, 0, 0, 102})),
			[]uint8{204, 255, 204, 153, 204, 153}},
		"alpha of 16 bits": {pngOf(fill(image.NewNRGBA64(rect), color.NRGBA64{0x12ff, 0x2345, 0x3456, 0xffff},
			color.NRGBA64{0xffff, 0, 0, 9})), []uint8{0x12, 0xff, 0x23, 0xff, 0x34, 0xff}},
		"palette": {pngOf(fill(image.NewPaletted(rect, color.Palette{color.Black, red}), red, color.Black)),
			[]uint8{200, 0, 10, 0, 20, 0}},
		"palette and alpha": {pngOf(fill(image.NewPaletted(rect, color.Palette{clear, red}), red, clear)),
			[]uint8{200, 255, 10, 255, 20, 255}},
		"grey JPEG": {jpegOf(flat(2, 1, 9)), []uint8{9, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, map[string][]byte{"train/a/x.png": c.file, "train/b/x.jpg": c.file, "val/b/x.jpeg": c.file})
			train, test, err := Load(ctx, "folder", LoadOptions{Dir: dir})
			require.NoError(t, err)
			assert.Equal(t, c.want, test.Pixels)
			assert.Equal(t, []uint8{1}, test.Labels)
			assert.Equal(t, append(c.want, c.want...), train.Pixels)
			assert.Equal(t, []int{len(c.want) / 2, 1, 2}, []int{train.C, train.H, train.W})
		})
	}
}

// TestFolderSizes checks that images of different sizes, including 1x1, and grey ones among
// coloured ones get the same shape.
func TestFolderSizes(t *testing.T) {
	colours := image.NewRGBA(image.Rect(0, 0, 13, 31))
	for i := range colours.Pix {
		colours.Pix[i] = uint8(i*37) | 3*uint8(i%4/3*85) // opaque
	}
	dir := tree(t, map[string][]byte{
		"train/a/1.png": pngOf(flat(1, 1, 77)), "train/b/1.png": pngOf(flat(300, 2, 78)),
		"test/a/1.png": pngOf(colours),
	})
	train, test, err := Load(ctx, "folder", LoadOptions{Dir: dir, H: 6, W: 8})
	require.NoError(t, err)
	assert.Equal(t, []int{3, 6, 8}, []int{train.C, train.H, train.W})
	assert.Equal(t, map[int]int{77: 0, 78: 1}, values(train))
	assert.Len(t, train.Pixels, 2*3*6*8)
	for i, pixel := range train.Pixels {
		assert.Equal(t, train.Pixels[i/144*144], pixel)
	}
	want := pillow.Bilinear{C: 3, InH: 31, InW: 13, OutH: 6, OutW: 8}.Resize(planes(colours))
	assert.Equal(t, want, test.Pixels)

	refused(t, folder, dir, "give one size for all")
}

func TestBadFolder(t *testing.T) {
	good := pngOf(flat(3, 3, 1))
	huge := bytes.Clone(good)
	copy(huge[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536x65536
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"empty":        {nil, "has 0 folders; want one for each of 2 to 65536 classes"},
		"images alone": {map[string][]byte{"x.png": good}, "has 0 folders"},
		"one class":    {map[string][]byte{"a/x.png": good}, "has 1 folders"},
		"train alone":  {map[string][]byte{"train/a/x.png": good}, "train holds folders, but there is no "},
		"no class in test": {map[string][]byte{"train/a/x.png": good, "train/b/x.png": good, "test/x.png": good},
			"test has no folder of a class"},
		"empty class": {map[string][]byte{"a/x.png": good, "b/x.heic": good, "a/x.txt": nil},
			"b has no picture (.bmp, .gif, .jfif, .jpeg, .jpg, and 4 more), but 1 .heic; want"},
		"other class in test": {map[string][]byte{"train/a/x.png": good, "train/b/x.png": good,
			"test/c/x.png": good}, filepath.Join("test", "c") + " is not a class of the training images, which are a, b"},
		"few": {map[string][]byte{"a/x.png": good, "b/x.png": good},
			"fewer than 6 images in every class"},
		"no image": {map[string][]byte{"train/a/x.png": []byte("hello"), "train/b/x.png": good,
			"test/b/x.png": good}, filepath.Join("a", "x.png") + ": not a PNG, JPEG or GIF image, nor WebP"},
		"no bytes": {map[string][]byte{"train/a/x.png": good, "train/b/x.png": nil,
			"test/b/x.png": good}, filepath.Join("b", "x.png") + ": the file is empty"},
		"cut short": {map[string][]byte{"train/a/x.png": good, "train/b/x.png": good,
			"test/b/x.png": good[:len(good)-20]},
			filepath.Join("b", "x.png") +
				": a PNG image that is cut short, damaged or of a kind that is not read (png: invalid format: unexpected EOF)"},
		"a header that asks much": {map[string][]byte{"train/a/x.png": withSum(huge), "train/b/x.png": good,
			"test/b/x.png": good}, filepath.Join("a", "x.png") + ": 65536x65536 pixels; want 1 to"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, folder, tree(t, c.files), c.want) })
	}
	t.Run("no memory", func(t *testing.T) {
		if machine.FreeMemory() == 0 {
			t.Skip("the machine does not say how much it has")
		}
		many := folderReader{LoadOptions: LoadOptions{Dir: "pets"}, all: make([]picture, 1e6), h: 4096, w: 4096}
		assert.ErrorContains(t, many.room(),
			"pets has 1000000 images, which take 100663296000000 bytes to read at 4096x4096; ")
		many.largest = size{300, 200}
		assert.EqualValues(t, 300*200, many.areaAtOnce(1<<30), "the largest alone")
		assert.EqualValues(t, maxArea, many.areaAtOnce(1<<60))
		assert.EqualValues(t, maxArea, many.areaAtOnce(0), "not known")
		many.all = many.all[:1]
		assert.NoError(t, many.room())
	})
	t.Run("no folder given", func(t *testing.T) {
		_, _, err := Load(ctx, folder, LoadOptions{})
		assert.ErrorIs(t, err, ErrNoFolder)
	})
	t.Run("no such folder", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "none")
		refused(t, folder, dir, dir)
	})
	t.Run("a link to nowhere", func(t *testing.T) {
		dir := tree(t, map[string][]byte{"a/x.png": good, "b/x.png": good})
		for i := range 6 {
			require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "b", fmt.Sprintf("%d.png", i))))
		}
		refused(t, folder, dir, ": 6 of 8 pictures cannot be read: "+filepath.Join("b",
			"0.png")+": a link to nowhere, which does not exist; ")
	})
	t.Run("interrupted", func(t *testing.T) {
		dir := tree(t, map[string][]byte{"train/a/x.png": good, "train/b/x.png": good, "test/b/x.png": good})
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, _, err := Load(ctx, folder, LoadOptions{Dir: dir})
		assert.ErrorIs(t, err, context.Canceled)
	})
}
