package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
)

// The page trains mini on its software adapter in turns with TensorFlow.js, which npm brings, on each of its backends: the
// same network, batch and browser. The images/s are of the steps after the first, which compiles; the page's are of those after
// its second, for it compiles what draws the maps behind the first.
func TestBesideTensorFlow(t *testing.T) {
	if os.Getenv("NIN_LONG") != "1" {
		t.Skip("NIN_LONG=1 runs it, in minutes")
	}
	const rounds, steps, batch = 2, 4, 128
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/tfjs")))
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	out, err := npm.CombinedOutput()
	require.NoError(t, err, string(out))
	server := httptest.NewServer(http.FileServerFS(os.DirFS(dir)))
	defer server.Close()
	for range rounds {
		b := open(t, fmt.Sprintf("?recipe=mini&steps=%d&seed=1&images=%d&start=1", steps+2, (steps+2)*batch))
		b.until(10*time.Minute, func(s state) bool { return s.Step == "2" })
		start := time.Now()
		b.until(10*time.Minute, func(s state) bool { return s.Step == fmt.Sprint(steps+2) })
		t.Logf("%-16s %7.2f images/s", "this page", steps*batch/time.Since(start).Seconds())
		for _, backend := range []string{"webgpu", "webgl", "wasm", "cpu"} {
			rate, err := tensorFlow(t, server.URL, backend, batch, 2)
			if err != nil {
				t.Logf("%-16s %v", "tfjs, "+backend, err)
				continue
			}
			t.Logf("%-16s %7.2f images/s", "tfjs, "+backend, rate)
		}
	}
}

// tensorFlow returns the images/s of TensorFlow.js on a backend, in a browser of its own.
func tensorFlow(t *testing.T, address, backend string, batch, steps int) (float64, error) {
	tab, cancel, err := browser.Open(t.Context())
	require.NoError(t, err)
	defer cancel()
	require.NoError(t, chromedp.Do(tab, chromedp.Navigate(address)))
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](
		fmt.Sprintf(`train(%q, %d, %d).then(JSON.stringify, e => JSON.stringify({ error: e.message }))`, backend, batch, steps), chromedp.EvalAwaitPromise))
	if err != nil {
		return 0, err
	}
	var done struct {
		Rate  float64
		Error string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &done))
	if done.Error != "" {
		return 0, fmt.Errorf("%s", done.Error)
	}
	return done.Rate, nil
}
