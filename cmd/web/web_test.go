package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/cmd/internal/browser"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/run"
	"wgnin/nn/data"
	"wgnin/nn/files"
)

// state holds the attributes of the page's body and some of its texts.
type state struct {
	State, Step, Loss, Accuracy, Adapter, Hash, Selftest, Busy, Checkpoint, Error, Status string
}

// These are made once for all tests.
var (
	built    = sync.OnceValues(func() (site, error) { return build(context.Background(), "") })
	chromium = sync.OnceValues(func() (ctx context.Context, err error) {
		ctx, endChromium, err = browser.Open(context.Background())
		return
	})
	endChromium = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	endChromium()
	os.Exit(code)
}

// tab is a page in a browser.
type tab struct {
	t    testing.TB
	ctx  context.Context
	site string // its address
}

// hooks are scripts that run before the scripts of the page and of its worker. With them, the page
// records the attributes of its body in seen after each change. The worker evaluates the
// expressions that it is sent, and has the function press(when, what) for pressAt.
var hooks = map[string]string{
	"page.js": `
const seen = [];
new MutationObserver(() => seen.push({ ...document.body.dataset })).observe(document.body, { attributes: true });
`,
	"worker.js": `
const { requestAdapter } = GPU.prototype, { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (...args) {
	return globalThis.device = await requestDevice.apply(this, args);
};
const made = Function, handles = new Set();
globalThis.Function = function (...code) {
	return (...args) => {
		const glue = new made(...code)(...args), { set } = glue;
		glue.set = (number, object) => { handles[object ? 'add' : 'delete'](number); set(number, object); };
		return glue;
	};
};
const now = {}, post = postMessage;
let pressing;
const press = (when, what) => { pressing = { when, what }; };
globalThis.postMessage = (m, ...more) => {
	post(m, ...more);
	Object.assign(now, m.data);
	if (!pressing || !(now.state === 'training' || now.busy) || !pressing.when(now)) return;
	const data = { kind: 'do', what: pressing.what };
	pressing = undefined;
	onmessage({ data });
};
const asked = new BroadcastChannel('test');
asked.onmessage = async e => asked.postMessage(String(await eval(e.data)));
`,
}

// long skips a test unless NIN_LONG=1. It is for tests that open many pages, because on a software
// adapter each page takes seconds to compile its shaders.
func long(t *testing.T) {
	t.Helper()
	if !gputest.Long() {
		t.Skip("opens many pages, which takes minutes; NIN_LONG=1 runs it")
	}
}

// open opens an address of the site in a new tab.
func open(t testing.TB, query string) tab {
	t.Helper()
	browser.Find(t)
	ctx, err := chromium()
	require.NoError(t, err)
	return openIn(ctx, t, query, nil)
}

// openIn is like open, but in the given browser and with more scripts before those of the site.
func openIn(browser context.Context, t testing.TB, query string, before map[string]string) tab {
	t.Helper()
	s, err := built()
	require.NoError(t, err)
	s = maps.Clone(s)
	for name, script := range hooks {
		s[name] = []byte(script + before[name] + string(s[name]))
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	b := newTab(browser, t, server.URL)
	b.visit(query)
	return b
}

// newTab opens an empty tab in a browser, for the site at an address.
func newTab(browser context.Context, t testing.TB, site string) tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(800, 600)))
	logged := make(chan struct{})
	console := chromedp.Console(ctx)
	go func() {
		defer close(logged)
		for m, err := range console {
			if err == nil {
				t.Log(m.Text)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-logged
	})
	return tab{t, ctx, site}
}

// grow gives the page the size of its screenshots. It starts small, because drawing takes time.
func (b tab) grow() {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 1000)))
}

// visit opens an address of the site.
func (b tab) visit(query string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Navigate(b.site+"/"+query)))
}

// eval evaluates an expression in the page, and waits if it is a promise.
func eval[T any](b tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return v
}

// inWorker evaluates an expression in the page's worker.
func (b tab) inWorker(expression string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`new Promise(done => {
		const channel = new BroadcastChannel('test');
		channel.onmessage = e => { channel.close(); done(e.data); };
		channel.postMessage(%q);
	})`, expression))
}

// now returns the state of the page.
func (b tab) now() (s state) {
	b.t.Helper()
	text := eval[string](b,
		`JSON.stringify({...document.body.dataset, error: document.getElementById('error').textContent, status: document.getElementById('status').textContent})`)
	require.NoError(b.t, json.Unmarshal([]byte(text), &s))
	return s
}

// until waits for a state of the page. It fails the test when the page fails.
func (b tab) until(limit time.Duration, done func(state) bool) state {
	b.t.Helper()
	var s state
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if s = b.now(); done(s) {
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

// is waits for a state of the page, by its name.
func (b tab) is(name string) state {
	b.t.Helper()
	return b.until(5*time.Minute, func(s state) bool { return s.State == name })
}

// press presses a button with the keyboard, and waits until the page changes. The button must be
// enabled.
func (b tab) press(what string) {
	b.t.Helper()
	require.True(b.t,
		eval[bool](b,
			fmt.Sprintf(`(b => { b.focus(); return document.activeElement === b; })(document.querySelector('[data-do=%s]'))`, what)), "%s is disabled in %+v", what, b.now())
	b.reacts(chromedp.KeyEvent(kb.Enter))
}

// reacts runs act and waits until the attributes of the page's body change.
func (b tab) reacts(act chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	before := eval[int](b, "seen.length")
	require.NoError(b.t, chromedp.Do(b.ctx, act))
	for end := time.Now().Add(time.Minute); eval[int](b, "seen.length") == before; time.Sleep(50 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "nothing happens in %+v", b.now())
	}
}

// pressAt makes the worker see a button pressed as soon as its reports meet a condition on now, the
// attributes that it gives the body. A press on the page would come later, when the work may have
// ended.
func (b tab) pressAt(condition, what string) {
	b.t.Helper()
	b.inWorker(fmt.Sprintf(`press(now => %s, '%s')`, condition, what))
}

// shot writes a screenshot of the page to the folder that $NIN_SHOTS names, if it is set.
func (b tab) shot(name string) {
	dir := os.Getenv("NIN_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}

// The address of the page starts a training. The attributes of the body show its progress, and each
// loss agrees with that of the native program. The rate is low because at the recipe's own rate,
// training amplifies the rounding differences between two drivers to 3e-3 in 20 steps.
func TestTrainsByAddress(t *testing.T) {
	b := open(t, "?recipe=mini&steps=20&seed=1&images=512&rate=0.001&start=1")
	s := b.is("done")
	require.Equal(t, "20", s.Step)
	require.Contains(t, s.Adapter, "swiftshader")
	accuracy, err := strconv.ParseFloat(s.Accuracy, 64)
	require.NoError(t, err)
	require.InDelta(t, 0.5, accuracy, 0.5)

	var seen []state
	require.NoError(t, json.Unmarshal([]byte(eval[string](b, "JSON.stringify(seen)")), &seen))
	losses := map[string]float64{}
	for _, s := range seen {
		if s.Loss != "" {
			losses[s.Step], err = strconv.ParseFloat(s.Loss, 64)
			require.NoError(t, err)
		}
	}
	require.Equal(t, "loading ready loading training done", b.states())
	want := nativeLosses(t)
	require.Len(t, losses, len(want))
	for step, loss := range want {
		assert.InDelta(t, loss, losses[strconv.Itoa(step)], 1e-4, "step %d", step)
	}

	// A picture is classified at once. A file that is no picture gives one line that names it.
	picture := filepath.Join(t.TempDir(), "grey.png")
	require.NoError(t, files.WritePNG(picture, image.NewGray(image.Rect(0, 0, 40, 30))))
	bad := filepath.Join(t.TempDir(), "bad.png")
	require.NoError(t, os.WriteFile(bad, []byte("no picture"), 0o644))
	b.give(bad)
	b.until(time.Minute, func(s state) bool { return strings.Contains(s.Error, "bad.png") })
	b.give(picture)
	b.grow()
	b.until(time.Minute, func(s state) bool { return s.Error == "" })
	b.shot("picture")
}

// give chooses a file for the page to read.
func (b tab) give(path string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.SetUploadFiles("#file", []string{path})))
}

// nativeLosses returns the losses of the same training on the machine's own adapter, by step.
func nativeLosses(t *testing.T) map[int]float64 {
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
	losses := map[int]float64{}
	for e, err := range native.Events(t.Context()) {
		require.NoError(t, err)
		if e.Step != nil {
			losses[e.Step.Step] = e.Step.Loss
		}
	}
	return losses
}

// Only the files of the site are served.
func TestServesTheSiteAlone(t *testing.T) {
	s := site{"index.html": []byte("<p>"), "a/b.js": []byte("1")}
	for path, want := range map[string]int{"/": 200, "/index.html": 200, "/a/b.js": 200, "/a": 404, "/a/": 404,
		"/../site.go": 404, "/site.go": 404} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1"+path, nil))
		require.Equal(t, want, w.Code, path)
	}
}
