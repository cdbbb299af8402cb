package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nn/data"
)

var ctx = context.Background()

var _ data.Fetch = Files

// tiny returns four small files for a server.
func tiny() (list []data.File, files map[string][]byte) {
	files = map[string][]byte{}
	r := rand.NewChaCha8([32]byte{})
	for i, name := range []string{"a.gz", "b.gz", "c.gz", "d.gz"} {
		b := make([]byte, 3000+i)
		r.Read(b)
		files[name] = b
		list = append(list, data.File{Name: name, Size: int64(len(b)), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))})
	}
	return list, files
}

func write(t *testing.T, path string, b []byte) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// has checks that dir has the files and nothing else.
func has(t *testing.T, dir string, files map[string][]byte) {
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, len(files), "no part stays")
	for name, b := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, b, got)
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func TestDownload(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "tiny")
	list, files := tiny()
	requests := 0
	mirrors := []string{
		serve(t, http.NotFound),
		serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			w.Write(files[path.Base(r.URL.Path)])
		}),
	}
	done := map[string]int64{}
	progress := func(p data.LoadProgress) {
		assert.GreaterOrEqual(t, p.Done, done[p.Doing])
		done[p.Doing] = p.Done
	}
	for range 2 { // the second time, the files exist
		require.NoError(t, Files(ctx, dir, mirrors, list, progress))
		has(t, dir, files)
		assert.Equal(t, 4, requests)
	}
	for name, b := range files {
		assert.Equal(t, int64(len(b))/1000, done["download "+name])
	}

	// Only the missing file is downloaded again.
	require.NoError(t, os.Remove(filepath.Join(dir, "c.gz")))
	require.NoError(t, Files(ctx, dir, mirrors, list, nil))
	has(t, dir, files)
	assert.Equal(t, 5, requests)
}

func TestDownloadFails(t *testing.T) {
	list, files := tiny()
	first := files[list[0].Name]
	size := len(first)
	fails := func(t *testing.T, h http.HandlerFunc, progress func(data.LoadProgress), want string, stays int) {
		t.Helper()
		dir, mirror := t.TempDir(), serve(t, h)
		err := Files(ctx, dir, []string{mirror}, list, progress)
		require.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, mirror+list[0].Name)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, stays, partOf(t, dir, list[0].Name))
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
		stays int // bytes of the part that stays
	}{
		"not found": {http.NotFound, "404 Not Found", 0},
		"other file": {func(w http.ResponseWriter, _ *http.Request) {
			b := bytes.Clone(first)
			b[len(b)-1]++
			w.Write(b)
		}, ", not " + list[0].SHA256, 0},
		"other size": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("please log in")) },
			fmt.Sprintf("has 13 bytes, but the published file has %d", size), 0},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(first[:size/2])
		}, fmt.Sprintf("the connection ended after %d of %d bytes: unexpected EOF", size/2, size), size / 2},
		"short, without a length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write(first[:9])
			w.(http.Flusher).Flush()
		}, fmt.Sprintf("the connection ended after 9 of %d bytes", size), 9},
		"without an end": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				w.Write(first)
			}
		}, fmt.Sprintf("it has more than %d bytes", size), 0},
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
		t.Run(name, func(t *testing.T) { fails(t, c.serve, nil, c.want, c.stays) })
	}
	for _, sent := range []int{0, 9} { // bytes, before the server stalls
		t.Run(fmt.Sprintf("stalled after %d bytes", sent), func(t *testing.T) {
			defer func(was time.Duration) { stall = was }(stall)
			giveUp := func(data.LoadProgress) { stall = time.Millisecond } // once the bytes have arrived
			if sent == 0 {
				giveUp(data.LoadProgress{})
			}
			fails(t, func(w http.ResponseWriter, r *http.Request) {
				if sent > 0 {
					w.Write(first[:sent])
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
			}, giveUp, "stopped answering", sent)
		})
	}

	t.Run("offline", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		err := Files(ctx, t.TempDir(), []string{server.URL + "/", server.URL + "/b/"}, list, nil)
		require.ErrorContains(t, err, "no server can be reached; is there a network?")
		assert.NotContains(t, err.Error(), "\n")
	})
	t.Run("no place for them", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "tiny")
		write(t, dir, nil)
		assert.ErrorContains(t, Files(ctx, dir, nil, list, nil), dir)
	})
}

// partOf returns the number of bytes of an incomplete file, which must be the only file in its
// folder.
func partOf(t *testing.T, dir, name string) int {
	left, err := os.ReadDir(dir)
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

// cut makes a handler send only the first n bytes of each answer.
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

// TestDownloadGoesOn checks that an existing part of a file is not requested again, if the server
// supports that. Otherwise, or if the part belongs to another file, the whole file is requested.
func TestDownloadGoesOn(t *testing.T) {
	list, files := tiny()
	first, name := files[list[0].Name], list[0].Name
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
		part    []byte // existed before
		mirrors []http.HandlerFunc
		asked   []string
	}{
		"the first has nothing": {nil, []http.HandlerFunc{http.NotFound, ranges}, []string{""}},
		"a broken connection":   {nil, []http.HandlerFunc{cut(size/2+1, ranges)}, []string{"", from(size/2 + 1)}},
		// the first server is asked twice
		"the other has the rest": {nil, []http.HandlerFunc{cut(20, whole), ranges},
			[]string{"", from(20), from(20)}},
		"an earlier day":            {first[:30], []http.HandlerFunc{ranges}, []string{from(30)}},
		"killed before the rename":  {first, []http.HandlerFunc{ranges}, nil},
		"a server without ranges":   {first[:30], []http.HandlerFunc{whole}, []string{from(30)}},
		"a part of another file":    {damaged, []http.HandlerFunc{ranges}, []string{from(30), ""}},
		"more than there should be": {append(first, 1), []http.HandlerFunc{ranges}, []string{""}},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			asked = nil
			var mirrors []string
			for _, m := range c.mirrors {
				mirrors = append(mirrors, serve(t, m))
			}
			if c.part != nil {
				write(t, filepath.Join(dir, name+".part"), c.part)
			}
			for _, f := range list[1:] {
				write(t, filepath.Join(dir, f.Name), files[f.Name])
			}
			require.NoError(t, Files(ctx, dir, mirrors, list, nil))
			assert.Equal(t, c.asked, asked)
			has(t, dir, files)
		})
	}

	t.Run("interrupted", func(t *testing.T) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(ctx)
		mirrors := []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(first[:9])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})}
		err := Files(ctx, dir, mirrors, list, func(data.LoadProgress) { cancel() }) // once the nine bytes have arrived
		assert.Equal(t, context.Canceled, err)
		assert.Equal(t, 9, partOf(t, dir, name))
		asked = nil
		require.NoError(t, Files(context.Background(), dir, []string{serve(t, ranges)}, list, nil))
		assert.Equal(t, []string{from(9)}, asked)
		has(t, dir, files)
	})
	t.Run("two at a time", func(t *testing.T) {
		dir := t.TempDir()
		mirrors := []string{serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(files[path.Base(r.URL.Path)]))
		})}
		other := make(chan error)
		go func() { other <- Files(ctx, dir, mirrors, list, nil) }()
		require.NoError(t, Files(ctx, dir, mirrors, list, nil))
		require.NoError(t, <-other)
		has(t, dir, files)
	})
}
