package main

import (
	"context"
	"encoding/json"
	"image"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn/data"
	"wgnin/nn/files"
)

// state is the attributes of the page's body.
type state struct{ State, Step, Loss, Accuracy, Adapter, Hash, Error, Status string }

// tab is a page in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// open builds the site once for a test, and opens an address of it.
func open(t *testing.T, query string) tab {
	t.Helper()
	browser.Find(t)
	s, err := build(t.Context(), "")
	require.NoError(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	ctx, cancel, err := browser.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(cancel)
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err == nil {
				t.Log(m.Text)
			}
		}
	}()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(server.URL+"/"+query)))
	return tab{t, ctx}
}

// until waits for a state of the page.
func (b tab) until(limit time.Duration, done func(state) bool) state {
	b.t.Helper()
	var s state
	for end := time.Now().Add(limit); time.Now().Before(end); {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`JSON.stringify({...document.body.dataset, error: document.getElementById('error').textContent, status: document.getElementById('status').textContent})`))
		require.NoError(b.t, err)
		require.NoError(b.t, json.Unmarshal([]byte(text), &s))
		if done(s) {
			return s
		}
		if s.State == "failed" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("the page is in state %+v", s)
	return s
}

// shot writes a picture of the page to the folder that $NIN_SHOTS names, if it is set.
func (b tab) shot(name string) {
	dir := os.Getenv("NIN_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// The address of the page starts a training. The attributes of the body follow it, and the loss
// is that of the native program. The rate is low: at the recipe's own, training amplifies the differences of
// rounding of two drivers to 3e-3 in 20 steps.
func TestTrainsByAddress(t *testing.T) {
	b := open(t, "?recipe=mini&steps=20&seed=1&images=512&rate=0.001&start=1")
	b.until(5*time.Minute, func(s state) bool { return s.Step != "" })
	s := b.until(5*time.Minute, func(s state) bool { return s.State == "done" })
	b.shot("done")
	require.Equal(t, "20", s.Step)
	require.Contains(t, s.Adapter, "swiftshader")
	loss, err := strconv.ParseFloat(s.Loss, 64)
	require.NoError(t, err)
	require.InDelta(t, nativeLoss(t), loss, 1e-4)

	// A picture is classified at once, and what is no picture is one line that names it.
	picture := filepath.Join(t.TempDir(), "grey.png")
	require.NoError(t, files.WritePNG(picture, image.NewGray(image.Rect(0, 0, 40, 30))))
	bad := filepath.Join(t.TempDir(), "bad.png")
	require.NoError(t, os.WriteFile(bad, []byte("no picture"), 0o644))
	b.give(bad)
	b.until(time.Minute, func(s state) bool { return strings.Contains(s.Error, "bad.png") })
	b.give(picture)
	b.until(time.Minute, func(s state) bool { return s.Error == "" })
	b.shot("picture")
}

// give chooses a file for the page.
func (b tab) give(path string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.SetUploadFiles("#file", []string{path})))
}

// nativeLoss is the loss of the same training's last step on the machine's own adapter.
func nativeLoss(t *testing.T) (loss float64) {
	d := gputest.Device(t)
	r, err := nin.Find("mini")
	require.NoError(t, err)
	s := r.Settings()
	s.Steps, s.Seed, s.TrainImages, s.TestImages, s.Rate = 20, 1, 512, 86, 0.001
	train, test, err := data.Load(t.Context(), s.Dataset, data.LoadOptions{})
	require.NoError(t, err)
	native, err := run.New(t.Context(), d, s, nil, train, test, filepath.Join(t.TempDir(), "run"))
	require.NoError(t, err)
	defer native.Close()
	for e, err := range native.Events(t.Context()) {
		require.NoError(t, err)
		if e.Step != nil {
			loss = e.Step.Loss
		}
	}
	return loss
}

// What is not of the site is not served.
func TestServesTheSiteAlone(t *testing.T) {
	s := site{"index.html": []byte("<p>"), "a/b.js": []byte("1")}
	for path, want := range map[string]int{"/": 200, "/index.html": 200, "/a/b.js": 200, "/a": 404, "/a/": 404, "/../site.go": 404, "/site.go": 404} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		require.Equal(t, want, w.Code, path)
	}
}
