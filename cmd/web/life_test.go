package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
)

// A short training of a small network, with an epoch and a checkpoint every 4 steps.
const short = "?recipe=lenet&steps=12&seed=3&images=512"

// enabled lists the enabled buttons of the training and of the self-test.
func (b tab) enabled() string {
	b.t.Helper()
	return eval[string](b,
		`['start', 'pause', 'step', 'stop', 'resume', 'safetensors', 'onnx', 'selftest'].filter(what => document.querySelector('[data-do=' + what + ']:enabled')).join(' ')`)
}

// finished waits until a training ends, and returns the hash of its weights.
func (b tab) finished() string {
	b.t.Helper()
	s := b.until(5*time.Minute, func(s state) bool { return s.State == "done" })
	require.Equal(b.t, "12", s.Step)
	require.Len(b.t, s.Hash, 64)
	return s.Hash
}

// states lists the states that the page has been in, in order.
func (b tab) states() string {
	b.t.Helper()
	return eval[string](b, "seen.map(now => now.state).filter((state, i, all) => state !== all[i - 1]).join(' ')")
}

// set gives a field of the form a value.
func (b tab) set(field, value string) {
	b.t.Helper()
	eval[any](b, fmt.Sprintf(`void (document.getElementById('settings').elements[%q].value = %q)`, field, value))
}

// However a training is paused, stopped, continued or disturbed, it reaches the weights of an
// undisturbed one.
func TestTrainingLife(t *testing.T) {
	b := open(t, strings.Replace(short, "steps=12", "steps=twelve", 1))
	require.Contains(t, b.fails().Error, "steps")
	require.Equal(t, "start selftest", b.enabled())
	b.set("steps", "12") // a failed page can still be used
	b.press("start")
	hash := b.finished()
	require.Empty(t, b.now().Error)
	require.Equal(t, "start safetensors onnx selftest", b.enabled())
	handles := b.inWorker("handles.size")

	// Pause, take two single steps, and continue. The repeated training has the same weights, and
	// no more objects stay open.
	b.pressAt("now.step >= 2", "pause")
	b.press("start")
	s := b.is("paused")
	require.Equal(t, "pause step stop", b.enabled())
	for step := count(t, s) + 1; step < count(t, s)+3; step++ {
		b.press("step")
		b.until(time.Minute, func(s state) bool { return s.State == "paused" && s.Step == strconv.Itoa(step) })
	}
	b.press("pause")
	require.Equal(t, hash, b.finished())
	require.Equal(t, handles, b.inWorker("handles.size"))

	// Stop while paused, change the form, and resume. The change has no effect.
	b.pressAt("now.step >= 2", "pause")
	b.press("start")
	b.is("paused")
	b.press("stop")
	s = b.is("done")
	require.Empty(t, s.Hash)
	require.Less(t, count(t, s), 12)
	require.Equal(t, "start resume safetensors onnx selftest", b.enabled())
	b.set("seed", "4")
	b.set("rate", "0.01")
	b.press("resume")
	require.Equal(t, hash, b.finished())

	// Train with other settings while the page is hidden.
	front, end := chromedp.NewContext(b.ctx, chromedp.WithNewWindow(false))
	require.NoError(t, chromedp.Do(front, chromedp.Navigate("about:blank")))
	b.until(time.Minute, func(state) bool { return eval[bool](b, "document.hidden") })
	b.reacts(chromedp.Func(func(context.Context, *chromedp.Target) error {
		eval[any](b, "void document.querySelector('[data-do=start]').click()")
		return nil
	}))
	other := b.finished()
	require.NotEqual(t, hash, other)
	require.True(t, eval[bool](b, "document.hidden"))
	end()
	_, err := chromedp.Call(b.ctx, page.BringToFront, cdp.Empty{})
	require.NoError(t, err)
	b.until(time.Minute, func(state) bool { return !eval[bool](b, "document.hidden") })

	// Reload the page after the first epoch. The browser has kept the checkpoint.
	b.pressAt("now.step >= 5", "pause")
	b.press("start")
	b.is("paused")
	b.visit(short)
	b.is("ready")
	require.Equal(t, "start resume selftest", b.enabled())
	b.press("resume")
	require.Equal(t, other, b.finished())
	require.GreaterOrEqual(t, eval[int](b, "Number(seen.find(now => now.step).step)"), 4)

	// Lose the device while no other is available. The page reports it, and resumes once there is
	// one again.
	b.set("rate", "")
	b.pressAt("now.step >= 6", "pause")
	b.press("start")
	b.is("paused")
	b.inWorker("GPU.prototype.requestAdapter = async () => null, device.destroy()")
	b.press("pause")
	require.Contains(t, b.fails().Error, "no GPU adapter")
	require.Equal(t, "start resume selftest", b.enabled())
	b.inWorker("GPU.prototype.requestAdapter = requestAdapter")
	b.press("resume")
	require.Equal(t, hash, b.finished())

	// If the device is lost while nothing trains, the page shows the weights on another one.
	b.inWorker("device.destroy()")
	eval[any](b, `void document.getElementById('scene').dispatchEvent(new KeyboardEvent('keydown', { key: 'h' }))`)
	b.is("ready")
	require.Contains(t, b.now().Status, "The network of model.safetensors")
}

// count returns the number of steps.
func count(t *testing.T, s state) int {
	t.Helper()
	n, err := strconv.Atoi(s.Step)
	require.NoError(t, err)
	return n
}

// fails waits until the page fails, and checks that the error is one line.
func (b tab) fails() state {
	b.t.Helper()
	s := b.is("failed")
	require.NotEmpty(b.t, s.Error)
	require.NotContains(b.t, s.Error, "\n")
	return s
}

// A mistake in an address gives one line that says what would be right.
func TestWrongAddress(t *testing.T) {
	b := open(t, "?recipe=nope&start=1")
	require.Contains(t, b.fails().Error, "nope")
	for query, want := range map[string]string{
		"?steps=-1&start=1": `steps is "-1"; want a whole number from 0 to 2147483647`,
		"?images=abc":       `images is "abc"; want a whole number from 0 to 2147483647`,
		"?seed=1.5":         `seed is "1.5"; want a whole number from 0 to 18446744073709551615`,
		"?rate=fast":        `rate is "fast"; want a number above 0`,
		"?rate=-1":          "Rate",
		"?recipe=lin2013":   "cifar10",
	} {
		b.visit(query)
		assert.Contains(t, b.fails().Error, want, query)
	}
}

// The page explains that it cannot run in a browser without WebGPU, or in one without an adapter.
func TestUnsupported(t *testing.T) {
	browser.Find(t)
	ctx, err := chromium()
	require.NoError(t, err)
	for name, before := range map[string]map[string]string{
		"no WebGPU":  {"page.js": "Object.defineProperty(Navigator.prototype, 'gpu', { get() {} });"},
		"no adapter": {"worker.js": "GPU.prototype.requestAdapter = async () => null;"},
	} {
		t.Run(name, func(t *testing.T) {
			b := openIn(ctx, t, short+"&start=1", before)
			s := b.is("unsupported")
			require.Empty(t, s.Error)
			text := eval[string](b, "document.querySelector('main').innerText")
			require.Contains(t, text, "Your browser offers no GPU to this page")
			require.NotContains(t, text, "Start")
			require.Equal(t, 1, strings.Count(text, "."), text)
			b.grow()
			b.shot("unsupported")
		})
	}
}

// All kernels agree with their twins in the browser. The page shows the results, and can stop the
// self-test.
func TestSelftest(t *testing.T) {
	part := "softmaxxent"
	if os.Getenv("NIN_LONG") != "" {
		part = ""
	}
	b := open(t, "?selftest="+part)
	b.is("ready")
	eval[any](b, `void (() => { // the longest task of the page itself, in ms; browsers report only those above 50 ms
		globalThis.longest = 0;
		new PerformanceObserver(all => {
			for (const task of all.getEntries()) longest = Math.max(longest, task.duration);
		}).observe({ type: 'longtask' });
	})()`)
	b.press("selftest")
	limit := 5 * time.Minute
	if part == "" {
		limit = time.Hour
	}
	s := b.until(limit, func(s state) bool { return s.State == "ready" && s.Selftest != "" })
	good, all, _ := strings.Cut(s.Selftest, "/")
	report := eval[string](b, "document.getElementById('report').textContent")
	require.Equal(t, all, good, report)
	n, err := strconv.Atoi(all)
	require.NoError(t, err)
	require.Greater(t, n, 3)
	require.Len(t, strings.Split(strings.TrimSpace(report), "\n"), n+1)
	t.Logf("%s cases; the longest task of the page took %.0f ms", all, eval[float64](b, "longest"))
	b.shot("selftest")

	// Copy the table, and stop the next self-test after its first cases.
	eval[any](b, `void (navigator.clipboard.writeText = async text => { globalThis.copied = text; })`)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Click("#copy")))
	require.Equal(t, report, eval[string](b, "copied"))
	b.pressAt("now.busy", "stop")
	b.press("selftest")
	s = b.until(limit, func(s state) bool {
		return s.State == "ready" && s.Selftest != "" && s.Selftest != good+"/"+all
	})
	require.Contains(t, s.Status, "were not run")
}

// canvas returns the picture on the canvas, without its first rows, which show times.
func (b tab) canvas() *image.RGBA {
	b.t.Helper()
	const times = 40
	file, err := chromedp.Run(b.ctx, chromedp.Screenshot("#scene"))
	require.NoError(b.t, err)
	whole, err := png.Decode(bytes.NewReader(file))
	require.NoError(b.t, err)
	size := whole.Bounds().Size()
	require.Greater(b.t, size.Y, 300)
	part := image.NewRGBA(image.Rect(0, 0, size.X, size.Y-times))
	draw.Draw(part, part.Rect, whole, whole.Bounds().Min.Add(image.Pt(0, times)), draw.Src)
	return part
}

// still returns the canvas once it shows the same picture twice.
func (b tab) still() *image.RGBA {
	b.t.Helper()
	for last := b.canvas(); ; {
		now := b.canvas()
		if bytes.Equal(last.Pix, now.Pix) {
			return now
		}
		last = now
	}
}

// changes fails the test unless act changes the canvas.
func (b tab) changes(name string, act ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	before := b.still()
	require.NoError(b.t, chromedp.Do(b.ctx, act...))
	for end := time.Now().Add(time.Minute); bytes.Equal(before.Pix, b.canvas().Pix); {
		require.True(b.t, time.Now().Before(end), "%s changes nothing in %+v", name, b.now())
	}
	b.shot(name)
}

// drop drops a file on the page.
func (b tab) drop(name string, content []byte) {
	b.t.Helper()
	eval[any](b, fmt.Sprintf(`void (() => {
		const dataTransfer = new DataTransfer();
		dataTransfer.items.add(new File([Uint8Array.from(atob(%q), c => c.charCodeAt(0))], %q));
		const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
		document.querySelector('main').dispatchEvent(drop);
	})()`, base64.StdEncoding.EncodeToString(content), name))
}

// Keys, the mouse and touch change what the canvas shows, and files can be dropped, even while a
// network trains.
func TestKeysAndDrops(t *testing.T) {
	long(t)
	b := open(t, "?recipe=lenet&steps=2000&images=512&start=1")
	b.grow()
	b.pressAt("now.step >= 6", "pause")
	b.is("paused")
	eval[any](b, "void document.getElementById('scene').focus()")
	for _, key := range []struct{ name, key string }{
		{"layer down", kb.ArrowDown}, {"layer down again", kb.ArrowDown}, {"layer up", kb.ArrowUp},
		{"next image", kb.ArrowRight}, {"image before", kb.ArrowLeft},
		{"colours", "c"}, {"next map", "."}, {"zoom", kb.Enter}, {"all maps", kb.Enter}, {"gradients", "v"},
		{"help", "h"}, {"no help", "h"},
		{"back", "b"}, {"further back", kb.PageUp}, {"forward", "g"}, {"to the present", kb.End},
	} {
		b.changes(key.name, chromedp.KeyEvent(key.key))
	}

	// The mouse selects layers in the list on the right and draws on the input on the left, and so
	// does a finger.
	at := func(x, y float64) (float64, float64) {
		var r struct{ X, Y, Width, Height float64 }
		require.NoError(t,
			json.Unmarshal([]byte(eval[string](b,
				"JSON.stringify(document.getElementById('scene').getBoundingClientRect())")), &r))
		return r.X + x*r.Width, r.Y + y*r.Height
	}
	x, y := at(0.9, 0.24)
	b.changes("mouse", chromedp.MouseClickXY(x, y))
	x, y = at(0.9, 0.12)
	b.changes("touch", chromedp.TapXY(x, y))
	x, y = at(0.08, 0.2)
	b.changes("drawing", chromedp.MouseClickXY(x, y))

	// Space continues the training, and then pauses it. Tab moves the focus off the canvas.
	require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent(" ")))
	b.is("training")
	require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent(" ")))
	step := count(t, b.is("paused"))
	require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent("s")))
	b.until(time.Minute, func(s state) bool { return s.State == "paused" && s.Step == strconv.Itoa(step+1) })
	eval[any](b, `void (HTMLAnchorElement.prototype.click = function () { globalThis.downloaded = this.download; })`)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent("p")))
	b.until(time.Minute, func(state) bool { return eval[string](b, "globalThis.downloaded ?? ''") == "network.png" })
	require.NoError(t, chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Tab)))
	require.NotEqual(t, "scene", eval[string](b, "document.activeElement.id"))

	// Drop files of all kinds while the training is paused and while it runs.
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 30))))
	b.changes("drop", chromedp.Func(func(context.Context, *chromedp.Target) error {
		b.drop("grey.png", picture.Bytes())
		return nil
	}))
	require.Empty(t, b.now().Error)
	b.drop("bad.png", []byte("no picture"))
	says := func(text string) {
		t.Helper()
		s := b.until(time.Minute, func(s state) bool { return strings.Contains(s.Error, text) })
		require.NotContains(t, s.Error, "\n")
	}
	says("bad.png")
	b.press("pause")
	b.drop("model.safetensors", []byte("no model"))
	says("press Stop")
	b.drop("grey.png", picture.Bytes())
	b.until(time.Minute, func(s state) bool { return s.Error == "" })
	b.press("stop")
	b.is("done")
	b.drop("model.safetensors", []byte("no model"))
	says("model.safetensors")
	require.Equal(t, "done", b.now().State)
}

// Without storage, the page trains too, and reports that it keeps no checkpoint.
func TestStorage(t *testing.T) {
	long(t)
	first := open(t, short+"&start=1")
	hash := first.finished()
	require.Empty(t, first.now().Error)
	other := newTab(first.ctx, t, first.site)
	other.visit(short + "&start=1")
	require.Equal(t, hash, other.finished())
	const keepsNone = "The browser does not keep the checkpoint: "
	require.Contains(t, other.now().Error, keepsNone+"another tab")
	other.press("start") // it says so for each training
	other.is("training")
	require.Equal(t, hash, other.finished())
	require.Contains(t, other.now().Error, keepsNone+"another tab")

	// If a page is left while its first visit creates the storage, Chromium never answers. Some
	// browsers deny storage.
	for hook, says := range map[string]string{
		"IDBFactory.prototype.open = () => ({});":                                     "its storage does not answer",
		"IDBObjectStore.prototype.getAllKeys = () => ({});":                           "its storage does not answer",
		"LockManager.prototype.request = async () => { throw new Error('denied'); };": "denied",
	} {
		without := openIn(first.ctx, t, short+"&start=1", map[string]string{"worker.js": hook})
		require.Equal(t, hash, without.finished(), hook)
		require.Contains(t, without.now().Error, keepsNone+says, hook)
	}
}

// When the browser's GPU process is killed, the training continues in the next one.
func TestCrash(t *testing.T) {
	long(t)
	browser.Find(t)
	ctx, cancel, err := browser.Open(t.Context())
	require.NoError(t, err)
	defer cancel()
	b := openIn(ctx, t, short+"&start=1", nil)
	hash := b.finished()
	b.pressAt("now.step >= 6", "pause")
	b.press("start")
	b.is("paused")
	all, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	require.NoError(t, err)
	i := slices.IndexFunc(all.ProcessInfo, func(p *systeminfo.ProcessInfo) bool { return p.Type == "GPU" })
	require.GreaterOrEqual(t, i, 0)
	process, err := os.FindProcess(int(all.ProcessInfo[i].ID))
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	require.Equal(t, "gone", b.inWorker("device.lost.then(() => 'gone')"))
	b.until(5*time.Minute, func(s state) bool { // lost while it draws, and then paused again, or in the next step
		eval[any](b, "void (now.state === 'paused' && document.querySelector('[data-do=pause]').click())")
		return s.State == "done"
	})
	require.Equal(t, hash, b.now().Hash)
	require.Regexp(t, "paused (training )?loading training (paused training )*done$", b.states())
}
