package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// flatFolder has PNG and JPEG files of several sizes in three classes, whose folders contain no
// sub-folders.
func flatFolder(t *testing.T) string {
	files := map[string][]byte{}
	for c, class := range []string{"a", "b b", "C"} {
		for i := range 14 + 3*c {
			img := image.NewNRGBA(image.Rect(0, 0, 5+i%3, 4+c))
			for x := range 5 + i%3 {
				for y := range 4 + c {
					img.Set(x, y, color.NRGBA{uint8(40*x + i), uint8(50*y + i), uint8(80*c + x*y), 255})
				}
			}
			name := fmt.Sprintf("%s/%d", class, i)
			switch {
			case i%5 == 0:
				files[name+".jpg"] = jpegOf(flat(6, 6, uint8(10*i+c)))
			case i%7 == 0:
				files[name+".JPEG"] = jpegOf(flat(8, 8, uint8(10*i+c)))
			default:
				files[name+".png"] = pngOf(img)
			}
		}
	}
	return tree(t, files)
}

func hashOf(s *Images) string {
	h := sha256.New()
	fmt.Fprint(h, s.C, s.H, s.W, s.Classes)
	h.Write(s.Pixels)
	h.Write(s.Labels)
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// TestFlatFoldersStay checks that a flat folder gives the same set as before sub-folders and more
// formats were read. Runs on such a folder can then be resumed with the same bits.
func TestFlatFoldersStay(t *testing.T) {
	train, test, err := Load(ctx, folder, LoadOptions{Dir: flatFolder(t), H: 6, W: 7})
	require.NoError(t, err)
	assert.Equal(t, []int{44, 7}, []int{train.Len(), test.Len()})
	assert.Equal(t, []string{"7b140631e673f10b", "f52f0fcd7b3bc07f"}, []string{hashOf(train), hashOf(test)})
}

// noted loads a folder and returns the lines that Note received.
func noted(t *testing.T, opt LoadOptions) (train, test *Images, lines string) {
	t.Helper()
	var all []string
	opt.Note = func(line string) { all = append(all, strings.ReplaceAll(line, opt.Dir, "DIR")) }
	train, test, err := Load(ctx, folder, opt)
	require.NoError(t, err)
	return train, test, strings.Join(all, "\n")
}

// TestFolderAsPeopleHaveIt reads a folder with sub-folders in the classes, each format of pictures,
// links, and the files that systems leave beside pictures.
func TestFolderAsPeopleHaveIt(t *testing.T) {
	var b, ti, g strings.Builder
	require.NoError(t, bmp.Encode(&b, flat(4, 4, 2)))
	require.NoError(t, tiff.Encode(&ti, flat(4, 4, 3), nil))
	require.NoError(t, gif.Encode(&g, flat(4, 4, 0), nil))
	dir := tree(t, map[string][]byte{
		"Train/a/1.jfif": jpegOf(flat(4, 4, 1)), "Train/a/deep/2.bmp": []byte(b.String()),
		"Train/a/deep/er/3.TIFF": []byte(ti.String()),
		"Train/b/4.gif":          []byte(g.String()), "Train/b/@eaDir/9.png": pngOf(flat(4, 4, 9)),
		"Train/b/._4.gif":   nil,
		"Train/b/info.json": nil, "Train/b/more/info.json": nil, "Train/b/README": nil,
		"Train/loose.png": pngOf(flat(4, 4, 9)),
		"Valid/b/5.png":   pngOf(flat(4, 4, 5)), "__MACOSX/Train/a/1.png": nil, "old/a/1.png": nil, ".DS_Store": nil,
	})
	link := func(to, from string) { require.NoError(t, os.Symlink(to, filepath.Join(dir, from))) }
	link("..", "Train/a/deep/round")
	link("../..", "Train/b/round")
	link("../b/4.gif", "Train/a/6.gif")
	train, test, lines := noted(t, LoadOptions{Dir: dir, H: 8, W: 8})
	assert.Equal(t, []string{"a", "b"}, train.Classes)
	assert.Equal(t, map[int]int{5: 1}, values(test))
	assert.Equal(t, 5, train.Len())
	var of [5]int // labels of the images with each value, as bits
	for i := range train.Len() {
		of[train.Pixels[i*16]] |= 1 << train.Label(i)
	}
	assert.Equal(t, [5]int{3, 1, 1, 1, 0}, of)
	assert.Equal(t, `DIR: not used: 2 .json, 1 .png outside the folders of the classes, 4 hidden, 2 links to a folder that they are in, the folder old, and 1 more
DIR: 2 classes, 5 pictures to train on and 1 to test on, of 4x4, resized to 8x8 (width x height)`, lines)

	_, _, lines = noted(t, LoadOptions{Dir: flatFolder(t), H: 6, W: 6})
	assert.Equal(t,
		"DIR: 3 classes, 44 pictures to train on and 7 to test on (every sixth of a class), of 5x4 to 8x8, resized to 6x6 (width x height)", lines)
}

// TestSkipBad checks that all unreadable pictures are counted and some are named, and that the rest
// is the same set as without them.
func TestSkipBad(t *testing.T) {
	dir := flatFolder(t)
	put := func(name string, b []byte) { write(t, filepath.Join(dir, name), b) }
	put("C/bad 1.png", nil)
	put("C/bad 2.png", []byte("<html>"))
	put("C/bad 3.png", []byte("\x00\x00\x00\x18ftypheic"))
	put("C/bad 4.png", withSum(append(slices.Clone(pngOf(flat(1, 1, 1))[:16]),
		append([]byte{0, 0, 50, 0, 0, 0, 50, 0}, pngOf(flat(1, 1, 1))[24:]...)...)))
	put("a/bad\n5.png", pngOf(flat(9, 9, 1))[:60])
	put("a/bad 6.jpg", jpegOf(flat(64, 64, 1))[:400])
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "a", "bad 7.png")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a", "bad 8.png"), 0o755)) // a folder with a picture's name
	_, _, err := Load(ctx, folder, LoadOptions{Dir: dir, H: 6, W: 7})
	require.ErrorIs(t, err, ErrUnreadable)
	for _, want := range []string{
		`: 7 of 58 pictures cannot be read: "a/bad\n5.png": a PNG image that is cut short`,
		"; C/bad 1.png: the file is empty; C/bad 2.png: not a PNG, JPEG or GIF image",
		"; C/bad 3.png: a HEIC, AVIF or video file, which is not read: ImageMagick can convert it to PNG; ",
		"; C/bad 4.png: 12800x12800 pixels; want 1 to 67108864: make it smaller; ", "; and 2 more",
	} {
		assert.Contains(t, filepath.ToSlash(err.Error()), want)
	}
	assert.NotContains(t, err.Error(), "\n")

	train, test, lines := noted(t, LoadOptions{Dir: dir, H: 6, W: 7, SkipBad: true})
	assert.Equal(t, 51, train.Len()+test.Len())
	assert.Contains(t, lines, "DIR: 7 of 58 pictures cannot be read and are left out: ")
	again, _, _ := noted(t, LoadOptions{Dir: dir, H: 6, W: 7, SkipBad: true})
	assert.Equal(t, train, again)

	bad := tree(t, map[string][]byte{"train/a/1.png": nil, "train/b/1.png": pngOf(flat(1, 1, 1)),
		"val/b/1.png": pngOf(flat(1, 1, 1))})
	_, _, err = Load(ctx, folder, LoadOptions{Dir: bad, SkipBad: true})
	assert.ErrorContains(t, err, `no picture of the class "a" for training can be read`)
}

// TestOnlyTest checks that an evaluation uses all pictures of a folder without a split, in the
// channels that the network takes.
func TestOnlyTest(t *testing.T) {
	dir := flatFolder(t)
	for _, c := range []int{1, 3} {
		train, test, lines := noted(t, LoadOptions{Dir: dir, H: 6, W: 6, C: c, OnlyTest: true})
		assert.Nil(t, train)
		assert.Equal(t, []int{51, c, 51 * c * 36}, []int{test.Len(), test.C, len(test.Pixels)})
		assert.Equal(t,
			"DIR: 3 classes, 51 pictures (all, because the folder has no split), of 5x4 to 8x8, resized to 6x6 (width x height)", lines)
		one, err := ReadImage(filepath.Join(dir, "C", "4.png"), c)
		require.NoError(t, err)
		d := decoded{one.H, one.W, one.Pixels, ""}
		d.resize(6, 6)
		assert.Contains(t, slices.Collect(slices.Chunk(test.Pixels, c*36)), d.planes, "as ReadImage has it")
	}
	split := tree(t, map[string][]byte{"train/a/1.png": nil, "train/b/1.png": nil, "val/b/1.png": pngOf(flat(1, 1, 7))})
	_, test, lines := noted(t, LoadOptions{Dir: split, OnlyTest: true})
	assert.Equal(t, map[int]int{7: 1}, values(test))
	assert.Equal(t, "DIR: 2 classes, 1 test pictures, of 1x1", lines)
}

// TestManyClasses checks that sets with labels above 255 have two bytes a label.
func TestManyClasses(t *testing.T) {
	files := map[string][]byte{}
	for c := range 300 {
		files[fmt.Sprintf("train/%03d/x.png", c)] = pngOf(flat(1, 1, uint8(c%251)))
	}
	files["val/299/x.png"], files["val/299/y.png"] = files["train/299/x.png"], files["train/299/x.png"]
	train, test, err := Load(ctx, folder, LoadOptions{Dir: tree(t, files)})
	require.NoError(t, err)
	assert.Equal(t, []int{300, 300, 2}, []int{len(train.Classes), train.Len(), test.Len()})
	seen := map[int]bool{}
	for i := range train.Len() {
		assert.Equal(t, int(train.Pixels[i]), train.Label(i)%251)
		seen[train.Label(i)] = true
	}
	assert.Len(t, seen, 300)
	first := test.First(1)
	assert.Equal(t, []int{1, 299}, []int{first.Len(), first.Label(0)})
}

// TestFolderNames checks that folders whose names could be mistaken for other classes are refused.
func TestFolderNames(t *testing.T) {
	one := pngOf(flat(1, 1, 1))
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"a split with no test": {map[string][]byte{"train/a/1.png": one, "train/b/1.png": one,
			"other/a/1.png": one}, "train holds folders, but there is no "},
		"a split with no training": {map[string][]byte{"val/a/1.png": one, "test/b/1.png": one},
			"test holds folders, but there is no "},
		"a test with no classes": {map[string][]byte{"train/a/1.png": one, "train/b/1.png": one,
			"val/images/1.png": one},
			"images is not a class of the training images, which are a, b; want the pictures in folders of these names"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, folder, tree(t, c.files), c.want) })
	}
	files := map[string][]byte{}
	for i := range 6 { // a class may have this name
		files[fmt.Sprintf("train/%d.png", i)], files[fmt.Sprintf("bus/%d.png", i)] = one, one
	}
	train, _, err := Load(ctx, folder, LoadOptions{Dir: tree(t, files)})
	require.NoError(t, err)
	assert.Equal(t, []string{"bus", "train"}, train.Classes)

	refused(t, "mnist", tree(t, map[string][]byte{"a/1.png": one, "b/1.png": one}), ErrIsFolder.Error())
	if runtime.GOOS == "linux" { // other systems have no such names
		refused(t, folder, tree(t, map[string][]byte{"a/1.png": one, "caf\xe9/1.png": one}),
			`caf\xe9": the name of the class is not UTF-8; rename the folder`)
	}
}
