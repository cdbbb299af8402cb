// Command page is the program of the page: it runs in a worker, which cmd/web serves with it,
// and trains, draws and answers there. See site/page.js for the messages.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall/js"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/netviz"
	"wgnin/nin/run"
	"wgnin/nin/session"
	"wgnin/nn/data"
	"wgnin/shaders/conformance"
	"wgnin/viz"
)

// Where things lie in the files of the worker. What is in runs is kept in the browser's storage.
const (
	dataDir  = "/data/"
	filesDir = "/files"
	runDir   = "/runs/last"
)

func main() {
	p := &page{inbox: newInbox()}
	for p.dev == nil { // the first message has the canvas
		p.open(p.inbox.take())
	}
	for {
		p.handle(p.inbox.take())
		p.frame()
	}
}

// page is the state of the program.
type page struct {
	*inbox
	screen
	dev         *gpu.Device
	train, test *data.Images
	dataset     string // of them
	run         *run.Run
	shown       *session.Session // of a file of weights, if there is no run
	model       string           // file of the weights that can be downloaded
	training    bool
	stop        bool // the user wants the run to stop
}

// open opens the device that draws on the page's canvas.
func (p *page) open(m js.Value) {
	if m.Get("kind").String() != "open" {
		return
	}
	p.canvas = m.Get("canvas")
	p.resize(m)
	if err := p.openDevice(); err != nil {
		state := "failed"
		if errors.Is(err, gpu.ErrNoAdapter) {
			state = "unsupported"
		}
		say(state, map[string]any{"error": err.Error()})
		select {}
	}
	post(map[string]any{"data": map[string]any{"adapter": p.dev.Adapter().Name}})
	say("ready", map[string]any{"status": p.dev.Adapter().String() + ". Ready."})
	if m.Get("start").Bool() {
		p.do("start", m.Get("settings"))
	}
}

func (p *page) openDevice() error {
	dev, err := gpu.Open(gpu.Options{Window: &p.canvas})
	if err == nil {
		p.dev = dev
	}
	return err
}

// handle does what a message asks for while nothing is trained.
func (p *page) handle(m js.Value) {
	switch m.Get("kind").String() {
	case "do":
		p.do(m.Get("what").String(), m.Get("settings"))
	case "file":
		p.file(m)
	case "image":
		p.took(p.picture(m))
	default:
		p.user(m)
	}
}

// do does what a button says while nothing is trained.
func (p *page) do(what string, settings js.Value) {
	text := func(key string) string { return settings.Get(key).String() }
	post(map[string]any{"text": map[string]any{"error": ""}})
	var err error
	switch what {
	case "start":
		var s nin.Settings
		if s, err = settingsOf(text); err == nil {
			err = p.start(s)
		}
	case "resume":
		err = p.resume()
	case "selftest":
		p.selftest()
	case "bench", "test":
		var s nin.Settings
		if s, err = settingsOf(text); err == nil && what == "bench" {
			err = p.bench(s)
		} else if err == nil {
			err = p.score(s)
		}
	case "safetensors", "onnx":
		err = p.download(what)
	}
	if err != nil {
		p.failed(err)
	}
}

func (p *page) failed(err error) { say("failed", map[string]any{"error": err.Error()}) }

// settingsOf reads the form.
func settingsOf(text func(string) string) (nin.Settings, error) {
	r, err := nin.Find(text("recipe"))
	if err != nil {
		return nin.Settings{}, err
	}
	s := r.Settings()
	for name, set := range map[string]func(v float64){
		"images": func(v float64) { s.TrainImages, s.TestImages = int(v), int(v+5)/6 }, // the dataset's own share
		"steps":  func(v float64) { s.Steps = int(v) },
		"seed":   func(v float64) { s.Seed = uint64(v) },
		"rate":   func(v float64) { s.Rate = v },
	} {
		given := text(name)
		if given == "" {
			continue
		}
		v, err := strconv.ParseFloat(given, 64)
		if err != nil || v < 0 {
			return s, fmt.Errorf("%s is %q; want a number from 0 on", name, given)
		}
		set(v)
	}
	return s, s.Check()
}

// images brings the dataset to the worker, once.
func (p *page) images(s nin.Settings) error {
	if p.dataset == s.Dataset {
		return nil
	}
	say("loading", map[string]any{"status": "Loading " + s.Dataset + "."})
	dir := dataDir + s.Dataset
	for _, file := range []string{"train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"} {
		name := file + "-ubyte.gz"
		if err := fetch(s.Dataset+"/"+name, dir+"/"+name); err != nil {
			return err
		}
	}
	train, test, err := data.Load(context.Background(), s.Dataset, data.LoadOptions{Dir: dir})
	if err == nil {
		p.train, p.test, p.dataset = train, test, s.Dataset
	}
	return err
}

// fetch brings a file of the site to a path, unless it is there.
func fetch(url, path string) error {
	failed := make(chan string, 1)
	done := js.FuncOf(func(_ js.Value, args []js.Value) any {
		failed <- args[0].String()
		return nil
	})
	defer done.Release()
	js.Global().Get("files").Call("fetch", url, path, done)
	if why := <-failed; why != "" {
		return errors.New(why)
	}
	return nil
}

// start begins a run in the place of the last one.
func (p *page) start(s nin.Settings) error {
	if err := p.images(s); err != nil {
		return err
	}
	p.closeRun()
	if err := os.RemoveAll(runDir); err != nil {
		return err
	}
	say("loading", map[string]any{"status": "Compiling the kernels."})
	r, err := run.New(context.Background(), p.dev, s, nil, p.train, p.test, runDir)
	if err != nil {
		return err
	}
	return p.follow(r)
}

// resume continues the last run.
func (p *page) resume() error {
	p.closeRun()
	c, err := run.ReadCheckpoint(runDir)
	if err != nil {
		return err
	}
	if err := p.images(c.Settings); err != nil {
		c.Close()
		return err
	}
	r, err := run.Resume(context.Background(), p.dev, c, p.train, p.test, runDir)
	if err != nil {
		return err
	}
	return p.follow(r)
}

func (p *page) closeRun() {
	p.scene.Close()
	p.run.Close()
	p.shown.Close()
	p.scene, p.run, p.shown, p.model = nil, nil, nil, ""
}

// historyBytes is the most bytes of the device's memory for maps of past steps.
const historyBytes = 64 << 20

// follow trains r to its end, or until the user stops it. If the device is lost, follow opens
// another and continues the run from its checkpoint.
func (p *page) follow(r *run.Run) (err error) {
	p.run, p.stop = r, false
	p.loss, p.accuracy = 0, 0
	err = p.events()
	if errors.Is(err, gpu.ErrLost) {
		say("loading", map[string]any{"status": "The device was lost. Opening it again."})
		p.closeRun()
		if err := p.openDevice(); err != nil {
			return err
		}
		return p.resume()
	}
	return err
}

// events trains and shows it.
func (p *page) events() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.training = true
	defer func() { p.training = false }()
	r := p.run
	pause := func(wait func() error) error {
		say("paused", nil)
		defer say("training", nil)
		return r.Pause(wait)
	}
	say("training", nil)
	for e, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			return err
		}
		if e.Step != nil {
			p.loss = e.Step.Loss
			p.progress(e.Step.Step)
		}
		if p.scene == nil { // its kernels would keep the first step waiting
			if p.scene, err = netviz.New(r.Net, netviz.Options{Title: r.Settings.Recipe, Images: r.TestImages.Set(), Save: give, History: historyBytes}); err != nil {
				return err
			}
		}
		switch {
		case e.Step != nil:
			if err := p.scene.Trained(r.Trainer, *e.Step); err != nil {
				return err
			}
		case e.Epoch != nil:
			p.accuracy = e.Epoch.TestAccuracy
			p.scene.Tested(viz.TestScore{Epoch: e.Epoch.Epoch, TestLoss: e.Epoch.TestLoss, TestAccuracy: e.Epoch.TestAccuracy})
			p.progress(e.Epoch.Epoch * r.Trainer.StepsPerEpoch())
		case e.End != nil:
			p.progress(e.End.Step)
			post(map[string]any{"data": map[string]any{"hash": e.End.Hash}})
		}
		if err := p.scene.Turn(ctx, p, pause); err != nil {
			return err
		}
		if p.stop {
			cancel()
		}
	}
	p.model = runDir + "/" + run.WeightsFile
	say("done", map[string]any{"status": fmt.Sprintf("Done: loss %.4f, test accuracy %.4f.", p.loss, p.accuracy)})
	return nil
}

// progress shows where the training is.
func (p *page) progress(step int) {
	post(map[string]any{
		"data": map[string]any{"step": step, "loss": p.loss, "accuracy": p.accuracy},
		"text": map[string]any{"status": fmt.Sprintf("Step %d of %d, loss %.4f.", step, p.run.Trainer.Total(), p.loss)},
	})
}

// file makes an image the input, or writes a file of weights in the place of the run's.
func (p *page) file(m js.Value) {
	name := path.Join(filesDir, path.Base(m.Get("name").String()))
	bytes := make([]byte, m.Get("bytes").Get("length").Int())
	js.CopyBytesToGo(bytes, m.Get("bytes"))
	err := os.MkdirAll(filesDir, 0o755)
	if err == nil {
		err = os.WriteFile(name, bytes, 0o644)
	}
	switch {
	case err != nil:
	case isModel(name) && p.training:
		err = errors.New("a network is being trained: press Stop before you choose another")
	case isModel(name):
		err = p.look(name)
	case p.scene == nil:
		err = errNoNetwork
	default:
		if err = p.scene.SetFile(name); err == nil {
			p.given = path.Base(name)
		}
	}
	p.took(err)
}

// took tells the page what became of an image or a file of its own.
func (p *page) took(err error) {
	said := ""
	if err != nil {
		said = plain(err)
	}
	p.Changed()
	post(map[string]any{"text": map[string]any{"error": said}})
}

// selftest compares every kernel with its twin, and shows a line for each case.
func (p *page) selftest() {
	p.closeRun()
	cases := conformance.Cases(p.dev)
	var report strings.Builder
	bad := 0
	for i, c := range cases {
		res, err := c.Run(p.dev)
		switch {
		case err != nil:
			bad++
			fmt.Fprintf(&report, "FAIL %s %s %s: %v\n", c.Kernel, c.Variant, c.Detail, err)
		case res.Worst > 1:
			bad++
			fmt.Fprintf(&report, "FAIL %s %s %s: %s\n", c.Kernel, c.Variant, c.Detail, res.Where)
		default:
			fmt.Fprintf(&report, "ok   %8.3g  %s %s %s\n", res.Worst, c.Kernel, c.Variant, c.Detail)
		}
		post(map[string]any{"text": map[string]any{"status": fmt.Sprintf("Self-test: %d of %d, %s.", i+1, len(cases), c.Kernel)}})
	}
	verdict := fmt.Sprintf("%d of %d cases pass on %s.", len(cases)-bad, len(cases), p.dev.Adapter())
	post(map[string]any{
		"data": map[string]any{"selftest": fmt.Sprintf("%d/%d", len(cases)-bad, len(cases))},
		"text": map[string]any{"report": verdict + "\n" + report.String(), "status": verdict},
	})
}
