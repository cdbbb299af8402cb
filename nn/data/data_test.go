package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small holds the first 320 training and 80 test images of Fashion-MNIST. This script made it, run
// at the top of the repository:
//
//	import gzip, struct
//	src, dst = "/usr/share/datasets/fashion-mnist/", "nn/data/testdata/fashion-mnist/"
//	for split, n in ("train", 320), ("t10k", 80):
//	    for kind, head, size in ("images-idx3", 16, 784), ("labels-idx1", 8, 1):
//	        name = f"{split}-{kind}-ubyte.gz"
//	        b = gzip.open(src + name).read()
//	        b = b[:4] + struct.pack(">I", n) + b[8:head] + b[head:head + n * size]
//	        open(dst + name, "wb").write(gzip.compress(b, 9, mtime=0))
const small = "testdata/fashion-mnist"

var ctx = context.Background()

// named returns the description of the set called name.
func named(name string) set {
	return sets[slices.Index(Names(), name)]
}

// nowhere limits the search to the folders that it returns, into which a test can put files.
func nowhere(t *testing.T) (env, cache string) {
	env, cache = t.TempDir(), t.TempDir()
	t.Setenv("NIN_DATA", env)
	t.Setenv("XDG_CACHE_HOME", cache)
	if got, err := os.UserCacheDir(); err != nil || got != cache {
		t.Skip("XDG_CACHE_HOME does not set the cache folder on this system")
	}
	return env, cache
}

func write(t *testing.T, path string, b []byte) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// idxFile returns a header of big-endian numbers, followed by items.
func idxFile(items []byte, header ...uint32) []byte {
	b, err := binary.Append(nil, binary.BigEndian, header)
	if err != nil {
		panic(err)
	}
	return append(b, items...)
}

// cifarFile returns n images. Their labels count up from label, and each pixel is the image's
// label.
func cifarFile(n int, label byte) (b []byte) {
	for i := range n {
		b = append(b, bytes.Repeat([]byte{label + byte(i)}, 3073)...)
	}
	return b
}

type member struct {
	name  string
	bytes []byte
}

func tarFile(members ...member) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.bytes))})
		w.Write(m.bytes)
	}
	w.Close()
	return out.Bytes()
}

// cifarMembers returns the files of an archive as the publisher packs them, with other files among
// them.
func cifarMembers() []member {
	members := []member{{"cifar-10-batches-bin/readme.html", []byte("hello")}}
	for i, name := range cifarBatches {
		members = append(members, member{"cifar-10-batches-bin/" + name, cifarFile(2, byte(i))})
	}
	return members
}

func ExampleLoad() {
	train, test, err := Load(context.Background(), "fashion-mnist", LoadOptions{Dir: "testdata/fashion-mnist"})
	if err != nil {
		panic(err)
	}
	fmt.Println(train.Len(), test.Len(), train.C, train.H, train.W)
	fmt.Println(train.Classes[train.Labels[0]])
	// Output:
	// 320 80 1 28 28
	// ankle boot
}

func TestFull(t *testing.T) {
	dir := "/usr/share/datasets/fashion-mnist"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the Debian package dataset-fashion-mnist is not installed")
	}
	t.Setenv("NIN_DATA", "")
	train, test, err := Load(ctx, "fashion-mnist", LoadOptions{})
	require.NoError(t, err)
	assert.Equal(t, 60000, train.Len())
	assert.Equal(t, 10000, test.Len())
	assert.Len(t, train.Pixels, 60000*28*28)
	assert.Len(t, test.Pixels, 10000*28*28)
	var counts [10]int
	sum := 0
	for _, label := range train.Labels {
		counts[label]++
	}
	for _, pixel := range train.Pixels {
		sum += int(pixel)
	}
	assert.Equal(t, [10]int{6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000}, counts)
	assert.InDelta(t, 0.2860, float64(sum)/255/float64(len(train.Pixels)), 5e-5, "the mean that is known for this set")

	someTrain, someTest, err := Load(ctx, "fashion-mnist", LoadOptions{Dir: small})
	require.NoError(t, err)
	assert.Equal(t, train.First(320), someTrain)
	assert.Equal(t, test.First(80), someTest)
}

func TestSmall(t *testing.T) {
	train, test, err := Load(ctx, "fashion-mnist", LoadOptions{Dir: small})
	require.NoError(t, err)
	assert.Equal(t, []uint8{9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, train.Labels[:10])
	assert.Equal(t, []uint8{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, test.Labels[:10])
	assert.Len(t, train.Pixels, 320*28*28)
	assert.Len(t, test.Pixels, 80*28*28)
	assert.Equal(t, "fashion-mnist", train.Name)
	assert.Len(t, train.Classes, 10)

	// Plain files instead of gzip, in the other set of this format.
	dir := t.TempDir()
	paths, err := filepath.Glob(small + "/*.gz")
	require.NoError(t, err)
	require.Len(t, paths, 4)
	for _, p := range paths {
		err := open(p, func(r io.Reader) error {
			b, err := io.ReadAll(r)
			write(t, filepath.Join(dir, strings.TrimSuffix(filepath.Base(p), ".gz")), b)
			return err
		})
		require.NoError(t, err)
	}
	plain, _, err := Load(ctx, "mnist", LoadOptions{Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, train.Pixels, plain.Pixels)
	assert.Equal(t, "9", plain.Classes[plain.Labels[0]])
}

func TestFirst(t *testing.T) {
	_, s, err := Load(ctx, "fashion-mnist", LoadOptions{Dir: small})
	require.NoError(t, err)
	f := s.First(3)
	assert.Equal(t, 3, f.Len())
	assert.Equal(t, s.Pixels[:3*28*28], f.Pixels)
	assert.Same(t, &s.Pixels[0], &f.Pixels[0])
	for _, n := range []int{0, -1, 80, 81, math.MaxInt} {
		assert.Equal(t, s, s.First(n))
	}
	assert.Zero(t, (&Images{}).First(5).Len())
}

func TestCIFAR(t *testing.T) {
	members := cifarMembers()
	want, wantTest := []uint8{0, 1, 1, 2, 2, 3, 3, 4, 4, 5}, []uint8{5, 6}
	for name, fill := range map[string]func(dir string){
		"folder": func(dir string) {
			for _, m := range members {
				write(t, filepath.Join(dir, m.name), m.bytes)
			}
		},
		"direct": func(dir string) {
			for _, m := range members {
				write(t, filepath.Join(dir, path.Base(m.name)), m.bytes)
			}
		},
		"archive":  func(dir string) { write(t, filepath.Join(dir, cifarArchive), zip(tarFile(members...))) },
		"unpacked": func(dir string) { write(t, filepath.Join(dir, cifarArchive), tarFile(members...)) },
		"archive beside a part of the files": func(dir string) {
			write(t, filepath.Join(dir, cifarArchive), zip(tarFile(members...)))
			write(t, filepath.Join(dir, cifarBatches[0]), members[1].bytes)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(dir)
			train, test, err := Load(ctx, "cifar10", LoadOptions{Dir: dir})
			require.NoError(t, err)
			assert.Equal(t, want, train.Labels)
			assert.Equal(t, wantTest, test.Labels)
			assert.Equal(t, []int{3, 32, 32}, []int{train.C, train.H, train.W})
			require.Len(t, train.Pixels, 10*3072)
			for i, pixel := range train.Pixels {
				require.Equal(t, want[i/3072], pixel)
			}
		})
	}
}

// TestSearch checks the order of the places; the sub-folder of $NIN_DATA comes first.
func TestSearch(t *testing.T) {
	env, cache := nowhere(t)
	if _, err := os.Stat("/usr/share/datasets/cifar10"); err == nil {
		t.Skip("the machine has cifar10")
	}
	for i, dir := range []string{filepath.Join(cache, "nin", "cifar10"), env, filepath.Join(env, "cifar10")} {
		members := cifarMembers()
		members[6].bytes = cifarFile(1, byte(i))
		write(t, filepath.Join(dir, cifarArchive), tarFile(members...))
		_, test, err := Load(ctx, "cifar10", LoadOptions{})
		require.NoError(t, err)
		assert.Equal(t, []uint8{byte(i)}, test.Labels, dir)
	}

	// A damaged file is not skipped.
	write(t, filepath.Join(env, "cifar10", cifarArchive), []byte("damaged"))
	_, _, err := Load(ctx, "cifar10", LoadOptions{})
	assert.ErrorContains(t, err, filepath.Join(env, "cifar10", cifarArchive))

	// With Dir, Load does not search.
	dir := t.TempDir()
	_, _, err = Load(ctx, "cifar10", LoadOptions{Dir: dir})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err,
		dir+" has no cifar-10-batches-bin/data_batch_1.bin or data_batch_1.bin or cifar-10-binary.tar.gz")
}

// badIDX lists sets of four files, one of which is wrong: images, labels, and a part of the
// message.
var badIDX = []struct {
	name           string
	images, labels []byte
	want           string
}{
	{"empty", nil, nil, "train-images-idx3-ubyte.gz: cut short or damaged (EOF)"},
	{"short header", idxFile(nil, 0x803, 1, 28), nil, "cut short or damaged (unexpected EOF)"},
	{"labels for images", idxFile(make([]byte, 9), 0x801, 9), nil,
		"starts with 0x00000801, but an IDX file of bytes in 3 dimensions starts with 0x00000803"},
	{"floats", idxFile(make([]byte, 3136), 0xd03, 1, 28, 28), nil, "starts with 0x00000d03"},
	{"rows", idxFile(make([]byte, 784), 0x803, 1, 27, 28), nil, "dimension 1 is 27, but must be 28"},
	{"columns", idxFile(make([]byte, 784), 0x803, 1, 28, math.MaxUint32), nil,
		"dimension 2 is 4294967295, but must be 28"},
	{"too few images", idxFile(make([]byte, 783), 0x803, 1, 28, 28), nil,
		"cut short: its header gives 1 items, which is 784 bytes, but 783 follow"},
	{"too many images", idxFile(make([]byte, 785), 0x803, 1, 28, 28), nil, "which is 784 bytes, but more follow"},
	{"lying header", idxFile(make([]byte, 784), 0x803, 1e6, 28, 28), nil, "1000000 items"},
	{"boasting header", idxFile(make([]byte, 784), 0x803, math.MaxUint32, 28, 28), nil, "more than 1073741824 bytes"},
	{"gzip cut in its header", zip(nil)[:5], nil, "cut short or damaged (unexpected EOF)"},
	{"gzip cut", zip(idxFile(make([]byte, 784), 0x803, 1, 28, 28))[:30], nil, "cut short or damaged (unexpected EOF)"},
	{"gzip cut in its sum", func() []byte {
		b := zip(idxFile(make([]byte, 784), 0x803, 1, 28, 28))
		return b[:len(b)-1]
	}(), nil, "cut short or damaged (unexpected EOF)"},
	{"gzip header", []byte{0x1f, 0x8b, 99, 0, 0, 0, 0, 0, 0, 0}, nil, "damaged (gzip: invalid header)"},
	{"gzip body", append(zip(nil)[:10], 0xff, 0xff, 0xff, 0xff), nil, "damaged (flate: corrupt input"},
	{"gzip sum", func() []byte {
		b := zip(idxFile(make([]byte, 784), 0x803, 1, 28, 28))
		b[len(b)-8]++
		return b
	}(), nil, "damaged (gzip: invalid checksum)"},
	{"no labels", idxFile(make([]byte, 784), 0x803, 1, 28, 28), nil, "train-labels-idx1-ubyte: cut short"},
	{"images for labels", idxFile(make([]byte, 784), 0x803, 1, 28, 28), idxFile(make([]byte, 784), 0x803, 1, 28, 28),
		"starts with 0x00000803"},
	{"counts differ", idxFile(make([]byte, 784), 0x803, 1, 28, 28), idxFile(make([]byte, 2), 0x801, 2),
		"1 images, but 2 labels in "},
	{"no images", idxFile(nil, 0x803, 0, 28, 28), idxFile(nil, 0x801, 0), "holds no images"},
	{"label", idxFile(make([]byte, 2*784), 0x803, 2, 28, 28), idxFile([]byte{9, 10}, 0x801, 2),
		"label 10 of image 1 is not one of mnist's classes, 0 to 9"},
}

func TestBadIDX(t *testing.T) {
	good, goodLabels := idxFile(make([]byte, 784), 0x803, 1, 28, 28), idxFile([]byte{3}, 0x801, 1)
	for _, c := range badIDX {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), c.images)
			write(t, filepath.Join(dir, "train-labels-idx1-ubyte"), c.labels)
			write(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), good)
			write(t, filepath.Join(dir, "t10k-labels-idx1-ubyte"), goodLabels)
			refused(t, "mnist", dir, c.want)
		})
	}
	t.Run("test set", func(t *testing.T) {
		dir := t.TempDir()
		for _, f := range named("mnist").files {
			write(t, filepath.Join(dir, f.Name), good)
		}
		write(t, filepath.Join(dir, "train-labels-idx1-ubyte.gz"), goodLabels)
		refused(t, "mnist", dir, "t10k-labels-idx1-ubyte.gz: starts with")
	})
	t.Run("a file missing", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "train-images-idx3-ubyte"), good)
		refused(t, "mnist", dir, "has no train-labels-idx1-ubyte.gz or train-labels-idx1-ubyte")
	})
	t.Run("a folder for a file", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "train-images-idx3-ubyte"), 0o755))
		refused(t, "mnist", dir, "train-images-idx3-ubyte: not a regular file")
	})
	t.Run("a file for a folder", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, good)
		refused(t, "mnist", file, file)
	})
}

// refused checks that Load fails with one line that contains the folder and the message.
func refused(t *testing.T, name, dir, want string) {
	t.Helper()
	train, test, err := Load(ctx, name, LoadOptions{Dir: dir})
	require.ErrorContains(t, err, want)
	assert.ErrorContains(t, err, dir)
	assert.NotContains(t, err.Error(), "\n")
	assert.Nil(t, train)
	assert.Nil(t, test)
}

func TestBadCIFAR(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"empty", nil, "data_batch_3.bin: holds no images"},
		{"cut short", cifarFile(2, 0)[:6145], "holds 6145 bytes, but CIFAR-10's binary files hold a multiple of 3073"},
		{"label", cifarFile(2, 9), "label 10 of image 1 is not one of cifar10's classes, 0 to 9"},
		{"gzip cut", zip(cifarFile(1, 0))[:20], "cut short or damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, m := range cifarMembers() {
				write(t, filepath.Join(dir, m.name), m.bytes)
			}
			write(t, filepath.Join(dir, "cifar-10-batches-bin", "data_batch_3.bin"), c.bytes)
			refused(t, "cifar10", dir, c.want)
		})
	}

	archive := zip(tarFile(cifarMembers()...))
	sum := slices.Clone(archive)
	sum[len(sum)-8]++
	members := cifarMembers()
	members[3].bytes = members[3].bytes[1:]
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"archive empty", nil, "holds no data_batch_1.bin"},
		{"archive no tar", []byte(strings.Repeat("no tar ", 100)), "damaged (invalid tar header)"},
		{"archive cut", archive[:len(archive)/2], "cut short or damaged (unexpected EOF)"},
		{"archive sum", sum, "damaged (gzip: invalid checksum)"},
		{"archive cut in a member", tarFile(cifarMembers()...)[:6000],
			"data_batch_1.bin: cut short or damaged (unexpected EOF)"},
		{"archive lacks one", tarFile(cifarMembers()[:6]...), "holds no test_batch.bin"},
		{"archive has one twice", tarFile(append(cifarMembers(), cifarMembers()[1])...),
			"holds data_batch_1.bin twice"},
		{"archive has a bad one", tarFile(members...), "data_batch_3.bin: holds 6145 bytes"},
		{"archive boasts", func() []byte {
			var out bytes.Buffer
			tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "test_batch.bin", Size: 1<<33 - 1})
			return out.Bytes()
		}(), "test_batch.bin: the batches must not have more than 1073741824 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, cifarArchive), c.bytes)
			refused(t, "cifar10", dir, c.want)
		})
	}
}

func TestUnknown(t *testing.T) {
	_, _, err := Load(ctx, "imagenet", LoadOptions{})
	assert.EqualError(t, err, `data: there is no dataset "imagenet": use one of fashion-mnist, mnist, cifar10, folder`)
}

// TestPins checks the form of the table's checksums and sizes, and that a file's name can follow
// each mirror.
func TestPins(t *testing.T) {
	for _, s := range sets {
		assert.Len(t, s.classes, 10)
		for _, f := range s.files {
			assert.Regexp(t, "^[0-9a-f]{64}$", f.SHA256)
			assert.Positive(t, f.Size)
		}
		for _, m := range s.mirrors {
			assert.Regexp(t, "^https?://.*/$", m)
		}
	}
}

// TestFetch checks that files that are nowhere on the machine are fetched into the cache, and are
// read from there the next time. An error says what else can be done.
func TestFetch(t *testing.T) {
	_, cache := nowhere(t)
	if _, err := os.Stat("/usr/share/datasets/cifar10"); err == nil {
		t.Skip("the machine has cifar10")
	}
	refuse := func(fetch Fetch, want string) {
		_, _, err := Load(ctx, "cifar10", LoadOptions{Fetch: fetch})
		require.ErrorIs(t, err, ErrNoFiles)
		require.ErrorContains(t, err, "cifar10 is not on this machine and cannot be downloaded ("+want)
		assert.NotContains(t, err.Error(), "\n")
	}
	refuse(nil, "LoadOptions.Fetch is nil")
	refuse(func(context.Context, string, []string, []File, func(LoadProgress)) error { return io.EOF }, "EOF")

	stopped, cancel := context.WithCancel(ctx)
	_, _, err := Load(stopped, "cifar10",
		LoadOptions{Fetch: func(ctx context.Context, _ string, _ []string, _ []File, _ func(LoadProgress)) error {
			cancel()
			return io.EOF
		}})
	require.ErrorIs(t, err, context.Canceled)

	fetched := 0
	for range 2 {
		_, test, err := Load(ctx, "cifar10", LoadOptions{Fetch: func(_ context.Context, dir string, mirrors []string,
			files []File, _ func(LoadProgress)) error {
			fetched++
			assert.Equal(t, filepath.Join(cache, "nin", "cifar10"), dir)
			assert.Equal(t, named("cifar10").mirrors, mirrors)
			require.Len(t, files, 1)
			write(t, filepath.Join(dir, files[0].Name), zip(tarFile(cifarMembers()...)))
			return nil
		}})
		require.NoError(t, err)
		assert.Equal(t, []uint8{5, 6}, test.Labels)
	}
	assert.Equal(t, 1, fetched)
}

// FuzzIDX checks that accepted data have the size that their header gives.
func FuzzIDX(f *testing.F) {
	for _, c := range badIDX {
		f.Add(c.images)
		f.Add(c.labels)
	}
	f.Add(zip(idxFile(make([]byte, 2*784), 0x803, 2, 28, 28)))
	f.Add(idxFile([]byte{1, 2, 3}, 0x801, 3))
	s := named("mnist")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, dims := range [][]int{nil, {28, 28}, {2, 3}} {
			r, err := unpack(bytes.NewReader(b))
			if err != nil {
				return
			}
			items, err := idx(r, dims...)
			if err != nil {
				require.NotContains(t, err.Error(), "\n")
				continue
			}
			if dims == nil {
				s.images(nil, items)
			} else {
				require.Zero(t, len(items)%(dims[0]*dims[1]))
			}
		}
	})
}

// FuzzCIFAR checks that an accepted batch or archive is consistent. The images have only two
// pixels, because fuzzing is slow on long files.
func FuzzCIFAR(f *testing.F) {
	s := set{name: "tiny", c: 1, h: 1, w: 2, classes: make([]string, 10)}
	var members []member
	for i, name := range cifarBatches {
		members = append(members, member{name, []byte{byte(i), 200, 100}})
	}
	archive := tarFile(members...)
	f.Add(archive)
	f.Add(zip(archive))
	f.Add(archive[:600])
	f.Add(tarFile(member{cifarBatches[0], nil}))
	f.Add([]byte{9, 1, 2})
	f.Add([]byte{9, 1, 2, 10, 1, 2})
	check := func(t *testing.T, images *Images) {
		require.NotZero(t, images.Len())
		require.Len(t, images.Pixels, images.Len()*2)
		require.Less(t, slices.Max(images.Labels), uint8(10))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := unpack(bytes.NewReader(b))
		if err != nil {
			return
		}
		if images, err := s.cifar(r); err == nil {
			check(t, images)
		}
		r, err = unpack(bytes.NewReader(b))
		require.NoError(t, err)
		batches := map[string]*Images{}
		if err := s.cifarTar(r, batches); err == nil {
			require.Len(t, batches, 6)
			for _, images := range batches {
				check(t, images)
			}
		}
	})
}
