package main

import (
	"net/http"
	"net/http/httptest"
	"path"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
)

// maxTransfer limits the bytes that a visit transfers, without the dataset.
const maxTransfer = 6_000_000

// The files that -o writes work on any host: under any path, without compression, with media types
// chosen by extension. Without the dataset, they are small.
func TestAnyHostServesTheSite(t *testing.T) {
	browser.Find(t)
	s, err := build(t.Context(), "")
	require.NoError(t, err)
	bytes := 0
	for name, content := range s {
		if path.Dir(name) != dataset {
			bytes += len(content)
		}
	}
	t.Logf("%d bytes without the dataset", bytes)
	require.Less(t, bytes, maxTransfer)

	dir := t.TempDir()
	require.NoError(t, s.write(dir))
	mux := http.NewServeMux()
	mux.Handle("/deep/er/", http.StripPrefix("/deep/er/", http.FileServer(http.Dir(dir))))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel, err := browser.Open(t.Context())
	require.NoError(t, err)
	defer cancel()
	err = chromedp.Do(ctx, chromedp.Navigate(server.URL+"/deep/er/?recipe=mini&steps=1&images=8&start=1"))
	require.NoError(t, err)
	state := ""
	for end := time.Now().Add(10 * time.Minute); state != "done" && state != "failed" &&
		time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		state, err = chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.dataset.state"))
		require.NoError(t, err)
	}
	require.Equal(t, "done", state)
}

// Files have the media types that browsers expect, and browsers may not guess others.
func TestMediaTypes(t *testing.T) {
	s := site{"index.html": nil, "page.css": nil, "page.js": nil, "page.wasm.packed": nil, dataset + "/train.gz": nil}
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/page.css": "text/css; charset=utf-8",
		"/page.js":          "text/javascript; charset=utf-8",
		"/page.wasm.packed": "application/octet-stream", "/" + dataset + "/train.gz": "application/octet-stream",
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		require.Equal(t, want, w.Header().Get("Content-Type"), path)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"), path)
		require.Empty(t, w.Header().Get("Content-Encoding"), path)
	}
}
