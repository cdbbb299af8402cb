package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nn/data"
)

// TestImagesAndFiles does what a visitor does with images and files. The training is short, at a
// rate that leaves the weights nearly as they began: with those, predictions differ more between
// images than after a few steps at a normal rate.
func TestImagesAndFiles(t *testing.T) {
	long(t)
	b := open(t, "?recipe=mini&steps=2&seed=1&images=256&rate=1e-6&start=1")
	const tested = 43 // images
	done := b.until(10*time.Minute, func(s state) bool { return s.State == "done" })
	dir := t.TempDir()
	var models []string
	for _, format := range []string{"safetensors", "onnx"} {
		models = append(models, b.download(dir, format))
	}

	// The commands read the files and measure the same accuracy as the page.
	d := gputest.Device(t)
	_, test, err := data.Load(t.Context(), dataset, data.LoadOptions{})
	require.NoError(t, err)
	accuracy, err := strconv.ParseFloat(done.Accuracy, 64)
	require.NoError(t, err)
	for _, file := range models {
		m, err := nin.ReadModel(file, "")
		require.NoError(t, err)
		scores, err := report.Evaluate(t.Context(), d, m, test.First(tested), 128, nil)
		require.NoError(t, err)
		// Two drivers round differently, which can change the prediction for an image whose two
		// best classes are nearly equal.
		require.InDelta(t, accuracy, scores.Accuracy, 1.01/tested, file)
	}

	// The page reads them again.
	for _, file := range models {
		b.give(file)
		b.until(3*time.Minute, func(s state) bool { return strings.Contains(s.Status, filepath.Base(file)) })
		eval[any](b, `void delete document.body.dataset.accuracy`)
		b.click("test")
		s := b.until(3*time.Minute, func(s state) bool { return s.Accuracy != "" && s.State == "ready" })
		require.Equal(t, done.Accuracy, s.Accuracy, file)
	}
	for _, name := range []string{"bad.onnx", "bad.safetensors", "bad.png"} {
		bad := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(bad, []byte("nothing of the kind"), 0o644))
		b.give(bad)
		s := b.until(3*time.Minute, func(s state) bool { return strings.Contains(s.Error, name) })
		require.NotContains(t, s.Error, "\n")
		require.NotContains(t, s.Error, "/")
	}

	m, err := nin.ReadModel(models[1], "")
	require.NoError(t, err)
	native, err := nin.NewPredictor(d, m, 1)
	require.NoError(t, err)
	defer native.Close()

	// A drawing is classified as a native program classifies its pixels.
	b.drag("#square", 0.3, 0.2, 0.35, 0.8, 0.65, 0.8, 0.7, 0.2, 0.3, 0.2)
	b.agrees(native, "Your drawing")
	b.shot("drawing")

	// So is the camera's picture, here a test picture of the browser's.
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Click("#camera")))
	b.until(3*time.Minute, func(state) bool { return b.text("input") == "The camera" })
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Click("#camera")))
	b.agrees(native, "The camera")
	b.shot("camera")
	for name, says := range map[string]string{"NotFoundError": "There is no camera.",
		"NotAllowedError": "The browser may not use the camera"} {
		eval[any](b,
			fmt.Sprintf(`void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '%s')))`,
				name))
		require.NoError(t, chromedp.Do(b.ctx, chromedp.Click("#camera")))
		b.until(3*time.Minute, func(s state) bool { return strings.HasPrefix(s.Error, says) })
	}
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Click("#clear")))
	b.agrees(native, "Your drawing")

	// The benchmark shows its rates in a table.
	b.click("bench")
	b.until(10*time.Minute, func(s state) bool {
		return s.State == "ready" && strings.HasPrefix(s.Status, "mini trains on ")
	})
	for line := range strings.Lines(b.text("report")) {
		var rate float64
		if n, _ := fmt.Sscanf(line, "training %f images/s", &rate); n == 1 {
			t.Log(line)
			require.Positive(t, rate)
		}
	}
	require.Contains(t, b.text("report"), "prediction ")
	b.shot("bench")
}

// text returns the text of an element.
func (b tab) text(id string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.getElementById('%s').textContent`, id))
}

// click presses a button.
func (b tab) click(what string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Click(fmt.Sprintf(`[data-do="%s"]`, what))))
}

// download presses the button for a format, and returns the file that the browser writes to dir.
func (b tab) download(dir, format string) string {
	b.t.Helper()
	events := true
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, EventsEnabled: &events,
	})
	require.NoError(b.t, err)
	progress := chromedp.BrowserEvents(b.ctx, browser.DownloadProgress)
	b.click(format)
	for p, err := range progress {
		require.NoError(b.t, err)
		if p.State == browser.DownloadProgressStateCompleted {
			break
		}
	}
	return filepath.Join(dir, "model."+format)
}

// drag moves the mouse over an element with the button down. places are pairs of x and y, as shares
// of the element's size.
func (b tab) drag(element string, places ...float64) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.ScrollIntoView(element)))
	r := eval[[]float64](b,
		fmt.Sprintf(`(r => [r.x, r.y, r.width, r.height])(document.querySelector('%s').getBoundingClientRect())`,
			element))
	what := chromedp.MousePressed
	var steps []chromedp.Action[chromedp.Void]
	for i := 0; i < len(places); i += 2 {
		x, y := r[0]+r[2]*places[i], r[1]+r[3]*places[i+1]
		steps = append(steps, chromedp.MouseEvent(what, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		what = chromedp.MouseMoved
	}
	last := len(places) - 2
	steps = append(steps, chromedp.MouseEvent(chromedp.MouseReleased, r[0]+r[2]*places[last], r[1]+r[3]*places[last+1],
		chromedp.ButtonLeft, chromedp.ClickCount(1)))
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

// agrees waits until the page predicts for the image in its square what a native program predicts
// for the same pixels.
func (b tab) agrees(native *nin.Predictor, name string) {
	b.t.Helper()
	b.until(3*time.Minute, func(state) bool { return b.text("input") == name })
	_, encoded, _ := strings.Cut(eval[string](b, `document.getElementById('square').toDataURL()`), ",")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(b.t, err)
	picture, err := png.Decode(bytes.NewReader(raw))
	require.NoError(b.t, err)
	want, err := native.Predict(picture)
	require.NoError(b.t, err)
	probability := map[string]float64{} // in percent
	for _, w := range want {
		probability[w.Class] = 100 * w.Probability
	}
	// The page shows tenths of a percent. The probabilities of two drivers differ by less than
	// another tenth.
	near := func(a, b float64) bool { return math.Abs(a-b) < 0.15 }
	var lines [][]string
	b.until(3*time.Minute, func(state) bool {
		lines = eval[[][]string](b,
			`[...document.querySelectorAll('#classes li')].map(li => [li.firstChild.data, li.lastChild.textContent])`)
		for _, line := range lines {
			share, err := strconv.ParseFloat(strings.TrimSuffix(line[1], " %"), 64)
			if err != nil || !near(share, probability[line[0]]) {
				return false
			}
		}
		return len(lines) == 5 && near(probability[b.text("answer")], 100*want[0].Probability)
	})
	b.t.Log(name, lines)
}
