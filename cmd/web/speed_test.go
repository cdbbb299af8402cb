package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
)

// BenchmarkFirstStep measures the time from opening the page in a new browser, whose caches are
// empty, to the first step of mini.
func BenchmarkFirstStep(b *testing.B) {
	browser.Find(b)
	_, err := built()
	require.NoError(b, err)
	for b.Loop() {
		b.StopTimer()
		ctx, cancel, err := browser.Open(b.Context())
		require.NoError(b, err)
		b.StartTimer()
		page := openIn(ctx, b, "?recipe=mini&steps=1&images=128&start=1", nil)
		page.until(5*time.Minute, func(s state) bool { return s.Step == "1" })
		b.StopTimer()
		cancel()
		b.StartTimer()
	}
}

// BenchmarkTraining measures the images/s of mini, in turns: on the page, in the native program on
// the same adapter, and in TensorFlow.js, which npm installs, on each of its backends in the same
// browser. It leaves out the steps that compile: the first, and on the page also the second, before
// which the page compiles the kernels that draw the maps.
//
//	go test ./cmd/web -run '^$' -bench Training -benchtime 3x -v
func BenchmarkTraining(b *testing.B) {
	browser.Find(b)
	_, err := built()
	require.NoError(b, err)
	dir := b.TempDir()
	require.NoError(b, os.CopyFS(dir, os.DirFS("testdata/tfjs")))
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	output, err := npm.CombinedOutput()
	require.NoError(b, err, string(output))
	output, err = exec.Command("go", "build", "-o", dir, "../nin").CombinedOutput()
	require.NoError(b, err, string(output))
	server := httptest.NewServer(http.FileServerFS(os.DirFS(dir)))
	defer server.Close()

	const batch, steps = 128, 4
	type side struct {
		name  string
		train func() (imagesPerSecond float64, err error)
	}
	sides := []side{
		{"page", func() (float64, error) { return trainPage(b, batch, steps) }},
		{"native", func() (float64, error) { return trainNative(filepath.Join(dir, "nin"), batch, steps) }},
	}
	for _, backend := range []string{"webgpu", "webgl", "wasm", "cpu"} {
		sides = append(sides, side{"tfjs-" + backend, func() (float64, error) {
			return trainTensorFlow(b.Context(), server.URL, backend, batch, 2)
		}})
	}
	sum := map[string]float64{}
	for b.Loop() {
		for _, side := range sides {
			rate, err := side.train()
			if err != nil {
				b.Logf("%-12s %v", side.name, err)
				continue
			}
			b.Logf("%-12s %8.2f images/s", side.name, rate)
			sum[side.name] += rate
		}
	}
	for name, rates := range sum {
		b.ReportMetric(rates/float64(b.N), name+"-images/s")
	}
}

func trainPage(b *testing.B, batch, steps int) (imagesPerSecond float64, err error) {
	ctx, cancel, err := browser.Open(b.Context())
	if err != nil {
		return 0, err
	}
	defer cancel()
	last := steps + 2
	page := openIn(ctx, b, fmt.Sprintf("?recipe=mini&steps=%d&images=%d&start=1", last, last*batch), map[string]string{
		"page.js": "const at = {}; whenever(now => at[now.step] ??= performance.now());",
	})
	page.is("done")
	milliseconds := eval[float64](page, fmt.Sprintf("at[%d] - at[2]", last))
	return float64(steps*batch) / milliseconds * 1000, nil
}

// trainNative returns the images/s of the program on the browser's software driver.
func trainNative(program string, batch, steps int) (imagesPerSecond float64, err error) {
	const driver = "/usr/lib/chromium/vk_swiftshader_icd.json" // of Debian's chromium
	cmd := exec.Command(program, "bench", "-recipe", "mini", "-batch", fmt.Sprint(batch), "-steps", fmt.Sprint(steps),
		"-adapter", "SwiftShader", "-json")
	cmd.Env = append(os.Environ(), "VK_DRIVER_FILES="+driver, "VK_ICD_FILENAMES="+driver)
	output, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	var report struct {
		Rate float64 `json:"train_images_per_s"`
	}
	err = json.Unmarshal(output, &report)
	return report.Rate, err
}

// trainTensorFlow returns the images/s of TensorFlow.js on a backend, in a new browser.
func trainTensorFlow(ctx context.Context, address, backend string, batch, steps int) (imagesPerSecond float64,
	err error) {
	tab, cancel, err := browser.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return 0, err
	}
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](
		fmt.Sprintf(`train(%q, %d, %d).then(JSON.stringify, e => JSON.stringify({ error: e.message }))`, backend, batch,
			steps), chromedp.EvalAwaitPromise))
	if err != nil {
		return 0, err
	}
	var done struct {
		Rate  float64
		Error string
	}
	if err := json.Unmarshal([]byte(text), &done); err != nil {
		return 0, err
	}
	if done.Error != "" {
		return 0, fmt.Errorf("%s", done.Error)
	}
	return done.Rate, nil
}
