package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"wgnin/nn/data"
	"wgnin/nn/data/download"
	"wgnin/nn/files"
)

// site maps paths to the files of the page.
type site map[string][]byte

//go:embed site
var sources embed.FS

// compile holds the arguments that build the page. They leave out debugging information, and a
// plotting library that would double the size; the page draws its curves itself.
var compile = []string{"build", "-trimpath", "-tags", "noplot", "-ldflags", "-s -w", "-o"}

// dataset is the dataset that the page trains on.
const dataset = "fashion-mnist"

// build compiles the page and collects the files that it needs. dir is the folder of the dataset,
// or empty for the places where [data.Load] looks.
func build(ctx context.Context, dir string) (site, error) {
	s := site{}
	err := fs.WalkDir(sources, "site", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		s[strings.TrimPrefix(name, "site/")], err = sources.ReadFile(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	s["wasm_exec.js"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("the script that comes with Go: %w", err)
	}
	program, err := wasm(ctx)
	if err != nil {
		return nil, err
	}
	// The page unpacks it, because some hosts compress nothing.
	if s["page.wasm.packed"], err = pack(program, gzip.BestCompression); err != nil {
		return nil, err
	}
	return s, s.addImages(ctx, dir)
}

// wasm builds the program of the page.
func wasm(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "nin-web-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "page.wasm")
	cmd := exec.CommandContext(ctx, "go", append(compile, file, "wgnin/cmd/web/page")...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build of the page: %w: %s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	return os.ReadFile(file)
}

// addImages adds the dataset's files.
func (s site) addImages(ctx context.Context, dir string) error {
	train, test, err := data.Load(ctx, dataset, data.LoadOptions{Dir: dir, Fetch: download.Files})
	if err != nil {
		return err
	}
	for name, set := range map[string]*data.Images{"train": train, "t10k": test} {
		for file, content := range map[string][]byte{
			"images-idx3": idx(set.Pixels, set.Len(), set.H, set.W), "labels-idx1": idx(set.Labels, set.Len()),
		} {
			if s[path.Join(dataset, name+"-"+file+"-ubyte.gz")],
				err = pack(content, gzip.DefaultCompression); err != nil {
				return err
			}
		}
	}
	return nil
}

// idx returns a file of bytes in the dataset's format (https://yann.lecun.com/exdb/mnist/).
func idx(values []uint8, dims ...int) []byte {
	file := []byte{0, 0, 8, byte(len(dims))} // 8 is the type of bytes
	for _, n := range dims {
		file = binary.BigEndian.AppendUint32(file, uint32(n))
	}
	return append(file, values...)
}

// pack compresses a file with gzip.
func pack(content []byte, level int) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// types maps the extensions of file names to media types. The system's own table may lack some.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
}

// ServeHTTP answers with a file of the site.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	content, ok := s[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache") // the files of the next build have the same names
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// write writes the files to a folder.
func (s site) write(dir string) error {
	for name, content := range s {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("-o: %w", err)
		}
		if err := files.Write(file, content); err != nil {
			return fmt.Errorf("-o: %w", err)
		}
	}
	return nil
}
