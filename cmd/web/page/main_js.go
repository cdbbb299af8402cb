// Command page is the program of the page. cmd/web serves it; it runs in a worker, and trains,
// draws and answers there. See site/page.js for the messages.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall/js"
	"time"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/netviz"
	"wgnin/nin/run"
	"wgnin/nin/session"
	"wgnin/nn/data"
	"wgnin/shaders/check"
	"wgnin/shaders/conformance"
	"wgnin/viz"
)

// These are places in the file system of the worker. The browser's storage keeps the contents of
// runs.
const (
	dataset  = "fashion-mnist" // that the site has
	dataDir  = "/data/" + dataset
	filesDir = "/files"
	newDir   = filesDir + "/new" // the file that the user has just given
	runDir   = "/runs/last"
)

// betweenCheckpoints is the interval of checkpoints. It is short because a page may be closed at
// any time.
const betweenCheckpoints = 30 * time.Second

func main() {
	p := &page{inbox: newInbox()}
	for {
		p.handle(p.inbox.take())
		p.frame()
	}
}

// page is the state of the program.
type page struct {
	*inbox
	screen
	dev         *gpu.Device // nil until there is one
	losses      int         // how many devices were lost since the last step
	train, test *data.Images
	run         *run.Run
	shown       *session.Session // the network of a file of weights, if there is no run
	model       string           // file of the weights that can be downloaded
	last        string           // the last text about the training's progress
	rested      string           // the last state in which the program was idle
	said        string           // the error of the last image or file
	starting    bool             // a training starts, and compiles its kernels
	busy        bool             // a training or a self-test runs
	paused      bool             // the training was paused when the device was lost
	stop        bool             // the user wants the work to stop
}

// open opens a device that draws on the page's canvas.
func (p *page) open() (err error) {
	p.dev, err = gpu.Open(gpu.Options{Window: &p.canvas, Compiling: func(_ string, done, all int) {
		if p.starting {
			progress("%d of %d.", done, all)
		}
	}})
	if err == nil {
		post(map[string]any{"data": map[string]any{"adapter": p.dev.Adapter().Name}})
	}
	return err
}

// handle handles a message while the program is idle.
func (p *page) handle(m js.Value) {
	switch m.Get("kind").String() {
	case "open":
		p.canvas = m.Get("canvas")
		p.resize(m)
		p.begin(m)
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

// begin opens the first device, and starts the training if the address of the page asks for it.
func (p *page) begin(m js.Value) {
	err := p.open()
	if errors.Is(err, gpu.ErrNoAdapter) {
		say("unsupported", nil)
		return
	}
	if err == nil {
		_, err = settingsOf(m.Get("settings"))
	}
	if err != nil {
		p.failed(err)
		return
	}
	p.rest("ready", map[string]any{"status": p.dev.Adapter().String() + ". Ready."})
	if m.Get("start").Bool() {
		p.do("start", m.Get("settings"))
	}
}

// do does the action of a button while the program is idle.
func (p *page) do(what string, settings js.Value) {
	p.said = ""
	post(map[string]any{"text": map[string]any{"error": ""}})
	var err error
	switch what {
	case "start":
		var s nin.Settings
		if s, err = settingsOf(settings); err == nil {
			err = p.perform(func() error { return p.start(s) })
		}
	case "resume":
		err = p.perform(p.resume)
	case "selftest":
		err = p.perform(func() error { return p.selftest(text(settings, "selftest")) })
	case "bench", "test":
		var s nin.Settings
		if s, err = settingsOf(settings); err == nil {
			err = p.perform(func() error {
				if what == "bench" {
					return p.bench(s)
				}
				return p.score(s)
			})
		}
	case "safetensors", "onnx":
		err = p.download(what)
	}
	if err != nil {
		p.failed(err)
	}
}

// perform calls action. If the device is lost, perform opens another and calls action again, or
// resumes the run that action has begun, if p.busy is set. It gives up if a second device is lost
// before a step is done.
func (p *page) perform(action func() error) error {
	say("loading", nil)
	p.paused = false
	p.stop = false
	for p.losses = 0; ; p.losses++ {
		if p.dev == nil {
			if err := p.open(); err != nil {
				return err
			}
		}
		err := action()
		busy := p.busy
		p.busy, p.starting = false, false
		if !errors.Is(err, gpu.ErrLost) || p.losses > 0 {
			return err
		}
		say("loading", map[string]any{"status": "The device was lost. Opening another."})
		if busy && p.run != nil {
			action = p.resume
			p.paused = p.scene != nil && !p.scene.Advance()
		}
		p.closeRun()
		_ = p.dev.Close() // objects on a lost device are lost too
		p.dev = nil
	}
}

func (p *page) failed(err error) {
	p.rest("failed", map[string]any{"status": "", "error": err.Error()})
}

// rest tells the page that the program is idle in a state, and whether there are weights or a
// checkpoint.
func (p *page) rest(state string, text map[string]any) {
	p.rested = state
	has := map[string]any{"state": state, "busy": nil, "model": nil, "checkpoint": nil}
	if p.model != "" {
		has["model"] = path.Base(p.model)
	}
	if _, err := os.Stat(runDir + "/checkpoint"); err == nil {
		has["checkpoint"] = path.Base(runDir)
	}
	post(map[string]any{"data": has, "text": text})
}

// text returns a value of the form, or "" if it has none.
func text(form js.Value, name string) string {
	if v := form.Get(name); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// settingsOf reads the form.
func settingsOf(form js.Value) (nin.Settings, error) {
	r, err := nin.Find(text(form, "recipe"))
	if err != nil {
		return nin.Settings{}, err
	}
	s := r.Settings()
	if s.Dataset != dataset {
		return s, fmt.Errorf("recipe is %q, which learns from %s; the page has %s, for mini, lenet and d2l", s.Recipe,
			s.Dataset, dataset)
	}
	s.CheckpointEvery = nin.Every{Time: betweenCheckpoints}
	number := func(name string, bits int) uint64 {
		given := text(form, name)
		v, wrong := strconv.ParseUint(cmp.Or(given, "0"), 10, bits)
		if wrong != nil && err == nil {
			err = fmt.Errorf("%s is %q; want a whole number from 0 to %d", name, given, uint64(1)<<bits-1)
		}
		return v
	}
	images := int(number("images", 31))
	s.TrainImages, s.TestImages = images, (images+5)/6 // one sixth, as in the dataset
	s.Steps, s.Seed = int(number("steps", 31)), number("seed", 64)
	if given := text(form, "rate"); given != "" {
		var wrong error
		if s.Rate, wrong = strconv.ParseFloat(given, 64); wrong != nil && err == nil {
			err = fmt.Errorf("rate is %q; want a number above 0", given)
		}
	}
	if err != nil {
		return s, err
	}
	return s, s.Check()
}

// images loads the dataset into the worker once.
func (p *page) images() error {
	if p.train != nil {
		return nil
	}
	say("loading", map[string]any{"status": "Loading " + dataset + "."})
	for _, file := range []string{"train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"} {
		name := file + "-ubyte.gz"
		if err := fetch(dataset+"/"+name, dataDir+"/"+name); err != nil {
			return err
		}
	}
	train, test, err := data.Load(context.Background(), dataset, data.LoadOptions{Dir: dataDir})
	if err == nil {
		p.train, p.test = train, test
		err = os.RemoveAll(dataDir)
	}
	return err
}

// fetch copies a file of the site to a path, unless the path exists.
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

// start begins a run in place of the last one.
func (p *page) start(s nin.Settings) error {
	if err := p.images(); err != nil {
		return err
	}
	p.closeRun()
	// Keep the last run until the new one has begun.
	const last = runDir + ".last"
	if err := os.RemoveAll(last); err != nil {
		return err
	}
	err := os.Rename(runDir, last)
	had := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	say("loading", map[string]any{"status": "Compiling the kernels."})
	r, err := run.New(context.Background(), p.dev, s, nil, p.train, p.test, runDir)
	if err != nil {
		err = errors.Join(err, os.RemoveAll(runDir))
		if had {
			err = errors.Join(err, os.Rename(last, runDir))
		}
		return err
	}
	if err := os.RemoveAll(last); err != nil {
		r.Close()
		return err
	}
	p.model = ""
	return p.follow(r)
}

// resume continues the last run.
func (p *page) resume() error {
	p.closeRun()
	p.model = ""
	c, err := run.ReadCheckpoint(runDir)
	if err != nil {
		return err
	}
	if err := p.images(); err != nil {
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
	p.scene, p.run, p.shown = nil, nil, nil
}

// historyBytes is the most bytes of the device's memory for maps of past steps.
const historyBytes = 64 << 20

// follow trains r to its end, or until the user stops it.
func (p *page) follow(r *run.Run) (err error) {
	p.run = r
	p.busy, p.starting = true, true
	post(map[string]any{"data": map[string]any{"step": r.Start, "loss": nil, "accuracy": nil, "hash": nil},
		"text": map[string]any{"status": strings.TrimSpace(r.Note + " Compiling the kernels.")}})
	say("training", nil)
	stopped, err := p.events()
	if err != nil {
		return err
	}
	p.model = runDir + "/" + run.WeightsFile
	if stopped {
		p.rest("done", map[string]any{"status": "Stopped. Resume continues."})
	} else {
		p.rest("done", map[string]any{"status": strings.TrimSpace("Done. " + p.last)})
	}
	return nil
}

// events trains and shows the training. It reports whether the user has stopped it.
func (p *page) events() (stopped bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := p.run
	pause := func(wait func() error) error {
		say("paused", nil)
		if err := r.Pause(wait); err != nil {
			return err
		}
		say("training", nil)
		return nil
	}
	p.last = ""
	for e, err := range r.Events(ctx) {
		if errors.Is(err, context.Canceled) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if e.Step != nil {
			if p.starting {
				say("training", map[string]any{"status": "Training."})
				p.starting = false
			}
			post(map[string]any{"data": map[string]any{"step": e.Step.Step, "loss": e.Step.Loss}})
			p.last = progress("Step %d of %d: loss %.4f.", e.Step.Step, r.Trainer.Total(), e.Step.Loss)
		}
		if p.scene == nil { // created late, because compiling its kernels would delay the first step
			if p.scene, err = netviz.New(r.Net, netviz.Options{Title: r.Settings.Recipe, Images: r.TestImages.Set(),
				Save: givePicture, History: historyBytes}); err != nil {
				return false, err
			}
			if p.paused {
				p.scene.Key(viz.KeyPause)
			}
		}
		switch {
		case e.Step != nil:
			p.losses = 0
			if err := p.scene.Trained(r.Trainer, *e.Step); err != nil {
				return false, err
			}
		case e.Epoch != nil:
			p.scene.Tested(viz.TestScore{Epoch: e.Epoch.Epoch, TestLoss: e.Epoch.TestLoss,
				TestAccuracy: e.Epoch.TestAccuracy})
			p.last = fmt.Sprintf("Epoch %d: test accuracy %.4f.", e.Epoch.Epoch, e.Epoch.TestAccuracy)
			post(map[string]any{"data": map[string]any{"accuracy": e.Epoch.TestAccuracy},
				"text": map[string]any{"status": p.last}})
		case e.End != nil:
			post(map[string]any{"data": map[string]any{"step": e.End.Step, "hash": e.End.Hash}})
		case e.Warning != "":
			post(map[string]any{"text": map[string]any{"error": e.Warning}})
		}
		if err := p.scene.Turn(ctx, p, pause); err != nil {
			return false, err
		}
		if p.stop {
			cancel()
		}
	}
	return false, nil
}

// progress shows a text behind the status until the next text. Screen readers read only the status
// aloud, because the text changes at every step.
func progress(format string, args ...any) (text string) {
	text = fmt.Sprintf(format, args...)
	post(map[string]any{"text": map[string]any{"progress": text}})
	return text
}

// file makes an image the input, or loads a file of weights in place of the run's.
func (p *page) file(m js.Value) {
	base := path.Base(m.Get("name").String())
	name := path.Join(newDir, base)
	bytes := make([]byte, m.Get("bytes").Get("length").Int())
	js.CopyBytesToGo(bytes, m.Get("bytes"))
	err := os.MkdirAll(newDir, 0o755)
	if err == nil {
		err = os.WriteFile(name, bytes, 0o644)
	}
	defer os.RemoveAll(newDir)
	switch {
	case err != nil:
	case isModel(name) && p.busy:
		err = errors.New("a network is running: press Stop before you choose another")
	case isModel(name):
		if err = p.perform(func() error { return p.look(name) }); err == nil {
			p.model = path.Join(filesDir, base)
			err = os.Rename(name, p.model)
		} else if p.dev == nil {
			p.failed(err)
			return
		} else {
			p.rest(p.rested, nil)
		}
	case p.scene == nil:
		err = errNoNetwork
	default:
		if err = p.scene.SetFile(name); err == nil {
			p.given = base
		}
	}
	p.took(err)
}

// took tells the page the result for an image or a file of the user.
func (p *page) took(err error) {
	said := ""
	if err != nil {
		said = plain(err)
	}
	p.Changed()
	if said != p.said {
		p.said = said
		post(map[string]any{"text": map[string]any{"error": said}})
	}
}

// selftest compares the kernels with their twins, and shows a line for each case. It runs only the
// cases whose text contains only.
func (p *page) selftest(only string) error {
	p.closeRun()
	p.busy = true
	post(map[string]any{"data": map[string]any{"busy": "selftest", "selftest": nil},
		"text": map[string]any{"status": "Self-test.", "report": ""}})
	cases := slices.DeleteFunc(conformance.Cases(p.dev), func(c check.Case) bool {
		return !strings.Contains(c.Kernel+" "+c.Detail, only)
	})
	if len(cases) == 0 {
		return fmt.Errorf("selftest is %q; want a part of the name or the sizes of a kernel", only)
	}
	good, done := 0, 0
	for ; done < len(cases) && !p.stop; done++ {
		c := cases[done]
		res, err := c.Run(p.dev)
		verdict := fmt.Sprintf("ok   %8.3g", res.Worst)
		switch {
		case errors.Is(err, gpu.ErrLost):
			return err
		case err != nil:
			verdict = fmt.Sprintf("FAIL %v", err)
		case res.Worst > 1:
			verdict = fmt.Sprintf("FAIL %8.3g %s", res.Worst, res.Where)
		default:
			good++
		}
		post(map[string]any{"append": map[string]any{"report": fmt.Sprintf("%s  %s %s %s\n", verdict, c.Kernel,
			c.Variant, c.Detail)}})
		progress("%d of %d, %s.", done+1, len(cases), c.Kernel)
		if _, err := p.Frame(true); err != nil {
			return err
		}
	}
	verdict := fmt.Sprintf("%d of %d cases pass on %s.", good, done, p.dev.Adapter())
	if p.stop {
		verdict += fmt.Sprintf(" %d were not run.", len(cases)-done)
	}
	post(map[string]any{
		"data":   map[string]any{"selftest": fmt.Sprintf("%d/%d", good, done)},
		"append": map[string]any{"report": verdict + "\n"},
	})
	p.rest("ready", map[string]any{"status": verdict})
	return nil
}
