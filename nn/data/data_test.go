package data

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small holds the first 320 training and 80 test images of Fashion-MNIST, made at the top of the repository by
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

// named gives a set's description.
func named(name string) set {
	return sets[slices.Index(Names(), name)]
}

// nowhere makes the search find only what the test puts into the folders returned.
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

// idxFile is a header of big-endian numbers and the bytes after it.
func idxFile(items []byte, header ...uint32) []byte {
	b, err := binary.Append(nil, binary.BigEndian, header)
	if err != nil {
		panic(err)
	}
	return append(b, items...)
}

// cifarFile has n images whose labels count up from label and whose pixels are their label.
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

// cifarMembers are the files of an archive as the publisher packs them, with other files between.
func cifarMembers() []member {
	members := []member{{"cifar-10-batches-bin/readme.html", []byte("hello")}}
	for i, name := range cifarBatches {
		members = append(members, member{"cifar-10-batches-bin/" + name, cifarFile(2, byte(i))})
	}
	return members
}

func ExampleLoad() {
	train, test, err := Load(context.Background(), "fashion-mnist", Options{Dir: "testdata/fashion-mnist"})
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
	train, test, err := Load(ctx, "fashion-mnist", Options{})
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

	someTrain, someTest, err := Load(ctx, "fashion-mnist", Options{Dir: small})
	require.NoError(t, err)
	assert.Equal(t, train.First(320), someTrain)
	assert.Equal(t, test.First(80), someTest)
}

func TestSmall(t *testing.T) {
	train, test, err := Load(ctx, "fashion-mnist", Options{Dir: small})
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
	plain, _, err := Load(ctx, "mnist", Options{Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, train.Pixels, plain.Pixels)
	assert.Equal(t, "9", plain.Classes[plain.Labels[0]])
}

func TestFirst(t *testing.T) {
	_, s, err := Load(ctx, "fashion-mnist", Options{Dir: small})
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
			train, test, err := Load(ctx, "cifar10", Options{Dir: dir})
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

// TestSearch: the order of the places, the sub-folder of $NIN_DATA first.
func TestSearch(t *testing.T) {
	env, cache := nowhere(t)
	if _, err := os.Stat("/usr/share/datasets/cifar10"); err == nil {
		t.Skip("the machine has cifar10")
	}
	for i, dir := range []string{filepath.Join(cache, "nin", "cifar10"), env, filepath.Join(env, "cifar10")} {
		members := cifarMembers()
		members[6].bytes = cifarFile(1, byte(i))
		write(t, filepath.Join(dir, cifarArchive), tarFile(members...))
		_, test, err := Load(ctx, "cifar10", Options{})
		require.NoError(t, err)
		assert.Equal(t, []uint8{byte(i)}, test.Labels, dir)
	}

	// A damaged file is not passed over.
	write(t, filepath.Join(env, "cifar10", cifarArchive), []byte("damaged"))
	_, _, err := Load(ctx, "cifar10", Options{})
	assert.ErrorContains(t, err, filepath.Join(env, "cifar10", cifarArchive))

	// With Dir there is no search.
	dir := t.TempDir()
	_, _, err = Load(ctx, "cifar10", Options{Dir: dir})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, dir+" has no cifar-10-batches-bin/data_batch_1.bin or data_batch_1.bin or cifar-10-binary.tar.gz")
}

// badIDX are the four files of a set, with one of them wrong: images, labels, and a part of the message.
var badIDX = []struct {
	name           string
	images, labels []byte
	want           string
}{
	{"empty", nil, nil, "train-images-idx3-ubyte.gz: cut short or damaged (EOF)"},
	{"short header", idxFile(nil, 0x803, 1, 28), nil, "cut short or damaged (unexpected EOF)"},
	{"labels for images", idxFile(make([]byte, 9), 0x801, 9), nil, "starts with 0x00000801, but an IDX file of bytes in 3 dimensions starts with 0x00000803"},
	{"floats", idxFile(make([]byte, 3136), 0xd03, 1, 28, 28), nil, "starts with 0x00000d03"},
	{"rows", idxFile(make([]byte, 784), 0x803, 1, 27, 28), nil, "dimension 1 is 27, but must be 28"},
	{"columns", idxFile(make([]byte, 784), 0x803, 1, 28, math.MaxUint32), nil, "dimension 2 is 4294967295, but must be 28"},
	{"too few images", idxFile(make([]byte, 783), 0x803, 1, 28, 28), nil, "cut short: its header gives 1 items, which is 784 bytes, but 783 follow"},
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
	{"images for labels", idxFile(make([]byte, 784), 0x803, 1, 28, 28), idxFile(make([]byte, 784), 0x803, 1, 28, 28), "starts with 0x00000803"},
	{"counts differ", idxFile(make([]byte, 784), 0x803, 1, 28, 28), idxFile(make([]byte, 2), 0x801, 2), "1 images, but 2 labels in "},
	{"no images", idxFile(nil, 0x803, 0, 28, 28), idxFile(nil, 0x801, 0), "holds no images"},
	{"label", idxFile(make([]byte, 2*784), 0x803, 2, 28, 28), idxFile([]byte{9, 10}, 0x801, 2), "label 10 of image 1 is not one of mnist's classes, 0 to 9"},
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
			write(t, filepath.Join(dir, f.name), good)
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

// refused wants one line with the folder and the message.
func refused(t *testing.T, name, dir, want string) {
	t.Helper()
	train, test, err := Load(ctx, name, Options{Dir: dir})
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
		{"archive no tar", []byte(strings.Repeat("no tar ", 100)), "damaged (archive/tar: invalid tar header)"},
		{"archive cut", archive[:len(archive)/2], "cut short or damaged (unexpected EOF)"},
		{"archive sum", sum, "damaged (gzip: invalid checksum)"},
		{"archive cut in a member", tarFile(cifarMembers()...)[:6000], "data_batch_1.bin: cut short or damaged (unexpected EOF)"},
		{"archive lacks one", tarFile(cifarMembers()[:6]...), "holds no test_batch.bin"},
		{"archive has one twice", tarFile(append(cifarMembers(), cifarMembers()[1])...), "holds data_batch_1.bin twice"},
		{"archive has a bad one", tarFile(members...), "data_batch_3.bin: holds 6145 bytes"},
		{"archive boasts", func() []byte {
			var out bytes.Buffer
			tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "test_batch.bin", Size: 1 << 40})
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
	_, _, err := Load(ctx, "imagenet", Options{})
	assert.EqualError(t, err, `data: there is no data set "imagenet": use one of fashion-mnist, mnist, cifar10, folder`)
}

// TestPins: the table's checksums and sizes are at least of the right form, and the mirrors end where a name can follow.
func TestPins(t *testing.T) {
	for _, s := range sets {
		assert.Len(t, s.classes, 10)
		for _, f := range s.files {
			assert.Regexp(t, "^[0-9a-f]{64}$", f.sha256)
			assert.Positive(t, f.size)
		}
		for _, m := range s.mirrors {
			assert.Regexp(t, "^https?://.*/$", m)
		}
	}
}

// tiny is a set of four small files that a server can give.
func tiny(t *testing.T) (set, map[string][]byte) {
	files := map[string][]byte{
		"train-images-idx3-ubyte.gz": zip(idxFile(make([]byte, 2*784), 0x803, 2, 28, 28)),
		"train-labels-idx1-ubyte.gz": zip(idxFile([]byte{4, 2}, 0x801, 2)),
		"t10k-images-idx3-ubyte.gz":  zip(idxFile(make([]byte, 784), 0x803, 1, 28, 28)),
		"t10k-labels-idx1-ubyte.gz":  zip(idxFile([]byte{7}, 0x801, 1)),
	}
	s := named("mnist")
	s.name = "tiny"
	s.debian = "dataset-tiny"
	s.files = slices.Clone(s.files)
	for i := range s.files {
		b := files[s.files[i].name]
		s.files[i].size = int64(len(b))
		s.files[i].sha256 = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return s, files
}

func serve(t *testing.T, h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func TestDownload(t *testing.T) {
	_, cache := nowhere(t)
	s, files := tiny(t)
	requests := 0
	s.mirrors = []string{
		serve(t, http.NotFound),
		serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			w.Write(files[path.Base(r.URL.Path)])
		}),
	}
	done := map[string]int64{}
	opt := Options{Progress: func(p Progress) {
		assert.GreaterOrEqual(t, p.Done, done[p.Doing])
		done[p.Doing] = p.Done
	}}
	for range 2 { // the second time from the cache
		train, test, err := s.load(ctx, opt)
		require.NoError(t, err)
		assert.Equal(t, []uint8{4, 2}, train.Labels)
		assert.Equal(t, []uint8{7}, test.Labels)
		assert.Equal(t, 4, requests)
	}
	for name, b := range files {
		assert.Equal(t, int64(len(b))/1000, done["download "+name])
	}

	// Only what is missing comes again.
	require.NoError(t, os.Remove(filepath.Join(cache, "nin", "tiny", "t10k-images-idx3-ubyte.gz")))
	_, _, err := s.load(ctx, opt)
	require.NoError(t, err)
	assert.Equal(t, 5, requests)
}

func TestDownloadFails(t *testing.T) {
	old := stall
	stall = 200 * time.Millisecond
	t.Cleanup(func() { stall = old })

	s, files := tiny(t)
	first := files[s.files[0].name]
	size := len(first)
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
		stays int // bytes, to go on from
	}{
		"not found": {http.NotFound, "404 Not Found", 0},
		"other file": {func(w http.ResponseWriter, _ *http.Request) {
			b := bytes.Clone(first)
			b[len(b)-1]++
			w.Write(b)
		}, "and not " + s.files[0].sha256, 0},
		"other size": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("please log in")) },
			fmt.Sprintf("has 13 bytes, but the published file has %d", size), 0},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(first[:size/2])
		}, fmt.Sprintf("broke off at %d of %d bytes: unexpected EOF", size/2, size), size / 2},
		"short, without a length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write(first[:9])
			w.(http.Flusher).Flush()
		}, fmt.Sprintf("broke off at 9 of %d bytes", size), 9},
		"without an end": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				w.Write(first)
			}
		}, fmt.Sprintf("goes on after %d bytes", size), 0},
		"stalled before": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "stopped answering", 0},
		"stalled within": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(first[:9])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "stopped answering", 9},
		"another part than asked for": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				w.Write(first[:9])
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 8-%d/%d", size-1, size))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(first[8:])
		}, "has 9 bytes", 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, cache := nowhere(t)
			s.mirrors = []string{serve(t, c.serve)}
			_, _, err := s.load(ctx, Options{})
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "tiny is not on this machine and cannot be downloaded; the Debian package dataset-tiny has it")
			assert.ErrorContains(t, err, s.mirrors[0]+s.files[0].name)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, c.stays, partOf(t, cache, s.files[0].name))
		})
	}

	t.Run("offline", func(t *testing.T) {
		nowhere(t)
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		s.mirrors = []string{server.URL + "/", server.URL + "/b/"}
		_, _, err := s.load(ctx, Options{})
		require.ErrorContains(t, err, "cannot be downloaded; the Debian package dataset-tiny has it")
		assert.ErrorContains(t, err, "no server can be reached; is there a network?")
		assert.NotContains(t, err.Error(), "\n")
	})
	t.Run("no place for the cache", func(t *testing.T) {
		_, cache := nowhere(t)
		write(t, filepath.Join(cache, "nin", "other"), nil)
		require.NoError(t, os.Rename(filepath.Join(cache, "nin", "other"), filepath.Join(cache, "nin", "tiny")))
		_, _, err := s.load(ctx, Options{})
		assert.ErrorContains(t, err, filepath.Join(cache, "nin", "tiny"))
	})
}

// partOf is how many bytes of a file of tiny are there, while it is alone in its folder and not whole.
func partOf(t *testing.T, cache, name string) int {
	left, err := os.ReadDir(filepath.Join(cache, "nin", "tiny"))
	require.NoError(t, err)
	if len(left) == 0 {
		return 0
	}
	require.Len(t, left, 1)
	require.Equal(t, name+".part", left[0].Name())
	info, err := left[0].Info()
	require.NoError(t, err)
	return int(info.Size())
}

// cut makes a handler give the first n bytes of its answer to each request.
func cut(n int, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h(&cutter{w, n}, r) }
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	n := min(c.left, len(b))
	c.left -= n
	if _, err := c.ResponseWriter.Write(b[:n]); err != nil || n < len(b) {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler) // the connection breaks
	}
	return n, nil
}

// TestDownloadGoesOn: what is there of a file is asked for once, if the server can; else, or if it was of another file,
// all of it comes again.
func TestDownloadGoesOn(t *testing.T) {
	s, files := tiny(t)
	first, name := files[s.files[0].name], s.files[0].name
	size := len(first)
	var asked []string // ranges of the first file
	ranges := func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) == name {
			asked = append(asked, r.Header.Get("Range"))
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(files[path.Base(r.URL.Path)]))
	}
	whole := func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		w.Write(files[path.Base(r.URL.Path)])
	}
	from := func(n int) string { return fmt.Sprintf("bytes=%d-", n) }
	damaged := bytes.Clone(first[:30])
	damaged[12]++
	for what, c := range map[string]struct {
		part    []byte // there before
		mirrors []http.HandlerFunc
		asked   []string
	}{
		"the first has nothing":     {nil, []http.HandlerFunc{http.NotFound, ranges}, []string{""}},
		"a broken connection":       {nil, []http.HandlerFunc{cut(size/2+1, ranges)}, []string{"", from(size/2 + 1)}},
		"the other has the rest":    {nil, []http.HandlerFunc{cut(20, whole), ranges}, []string{"", from(20), from(20)}}, // the first twice
		"an earlier day":            {first[:30], []http.HandlerFunc{ranges}, []string{from(30)}},
		"killed before the rename":  {first, []http.HandlerFunc{ranges}, nil},
		"a server without ranges":   {first[:30], []http.HandlerFunc{whole}, []string{from(30)}},
		"a part of another file":    {damaged, []http.HandlerFunc{ranges}, []string{from(30), ""}},
		"more than there should be": {append(first, 1), []http.HandlerFunc{ranges}, []string{""}},
	} {
		t.Run(what, func(t *testing.T) {
			_, cache := nowhere(t)
			asked = nil
			s.mirrors = nil
			for _, m := range c.mirrors {
				s.mirrors = append(s.mirrors, serve(t, m))
			}
			dir := filepath.Join(cache, "nin", "tiny")
			if c.part != nil {
				write(t, filepath.Join(dir, name+".part"), c.part)
			}
			for _, f := range s.files[1:] {
				write(t, filepath.Join(dir, f.name), files[f.name])
			}
			train, _, err := s.load(ctx, Options{})
			require.NoError(t, err)
			assert.Equal(t, []uint8{4, 2}, train.Labels)
			assert.Equal(t, c.asked, asked)
			got, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, first, got)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, left, 4, "no part stays")
		})
	}

	t.Run("interrupted", func(t *testing.T) {
		_, cache := nowhere(t)
		ctx, cancel := context.WithCancel(ctx)
		s.mirrors = []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(first[:9])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})}
		_, _, err := s.load(ctx, Options{Progress: func(Progress) { cancel() }}) // once the nine are there
		assert.Equal(t, context.Canceled, err)
		assert.Equal(t, 9, partOf(t, cache, name))
		asked = nil
		s.mirrors = []string{serve(t, ranges)}
		_, _, err = s.load(context.Background(), Options{})
		require.NoError(t, err)
		assert.Equal(t, []string{from(9)}, asked)
	})
	t.Run("two at a time", func(t *testing.T) {
		nowhere(t)
		var other error
		done := make(chan bool)
		s.mirrors = []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(files[path.Base(r.URL.Path)]))
		})}
		go func() {
			_, _, other = s.load(ctx, Options{})
			close(done)
		}()
		_, _, err := s.load(ctx, Options{})
		<-done
		require.NoError(t, err)
		require.NoError(t, other)
	})
}

// FuzzIDX: whatever is accepted has the size that its header gives.
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

// FuzzCIFAR: whatever is accepted, as a batch or as an archive, is consistent. The images are of two pixels, for fuzzing
// is slow where files are long.
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
