package main

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"syscall/js"
	"time"
	"unicode/utf8"

	"wgnin/gpu"
	"wgnin/nin/netviz"
	"wgnin/viz"
)

// inbox holds the messages of the page that the program has not yet taken. The browser adds
// messages while the goroutines wait, for example for the device.
type inbox struct {
	waiting []js.Value
	more    chan struct{}
}

func newInbox() *inbox {
	in := &inbox{more: make(chan struct{}, 1)}
	put := func(m js.Value) {
		in.waiting = append(in.waiting, m)
		select {
		case in.more <- struct{}{}:
		default:
		}
	}
	early := js.Global().Get("inbox")
	for i := range early.Length() {
		put(early.Index(i))
	}
	js.Global().Set("receive", js.FuncOf(func(_ js.Value, args []js.Value) any {
		put(args[0])
		return nil
	}))
	return in
}

// take waits for a message.
func (in *inbox) take() js.Value {
	for len(in.waiting) == 0 {
		<-in.more
	}
	m := in.waiting[0]
	in.waiting = in.waiting[1:]
	return m
}

// post sends a message to the page.
func post(m map[string]any) { js.Global().Call("postMessage", m) }

// say tells the page a state, and texts by the id of an element.
func say(state string, text map[string]any) {
	post(map[string]any{"data": map[string]any{"state": state}, "text": text})
}

// give offers a file to the user as a download.
func give(name string, content []byte) {
	array := js.Global().Get("Uint8Array").New(len(content))
	js.CopyBytesToJS(array, content)
	post(map[string]any{"file": map[string]any{"name": name, "bytes": array}})
}

// givePicture offers a picture to the user as a download.
func givePicture(picture *image.RGBA) (name string, err error) {
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", err
	}
	name = "network.png"
	give(name, b.Bytes())
	return name, nil
}

// screen is the page's canvas with the scene that it shows, if there is one.
type screen struct {
	canvas        js.Value
	width, height int
	scale         float64
	scene         *netviz.Scene
	dirty         bool
	acted         bool // the user did something that the canvas does not show yet
	pace          viz.Pace
	answer
}

// resize sets the size of the canvas in pixels, from a message.
func (s *screen) resize(m js.Value) {
	s.width, s.height, s.scale = m.Get("width").Int(), m.Get("height").Int(), m.Get("scale").Float()
	s.dirty, s.acted = true, true
}

// Changed tells the canvas that the scene has changed since it was drawn.
func (s *screen) Changed() { s.dirty = true }

// others maps the browser's names of keys that type no character.
var others = map[string]viz.Key{
	"ArrowUp": viz.KeyLayerUp, "ArrowDown": viz.KeyLayerDown, "ArrowRight": viz.KeyNextSample,
	"ArrowLeft": viz.KeyPrevSample,
	"Enter":     viz.KeyZoom, "PageUp": viz.KeyBack, "PageDown": viz.KeyForward, "End": viz.KeyNow,
	"Delete": viz.KeyClear, "Escape": viz.KeyEscape,
}

// user passes an action of the user to the scene.
func (s *screen) user(m js.Value) {
	kind := m.Get("kind").String()
	if kind == "size" {
		s.resize(m)
		return
	}
	if s.scene == nil {
		return
	}
	s.acted = true
	switch kind {
	case "key":
		name := m.Get("key").String()
		key := others[name]
		if r, n := utf8.DecodeRuneInString(name); n == len(name) {
			key = viz.KeyOf(r)
		}
		s.scene.Key(key)
	case "pointermove":
		s.scene.MouseMove(m.Get("x").Float(), m.Get("y").Float())
	case "pointerdown", "pointerup", "pointercancel":
		x, y := m.Get("x").Float(), m.Get("y").Float()
		s.scene.MouseMove(x, y)
		s.scene.MouseButton(kind == "pointerdown", x, y)
	}
}

// Frame handles the waiting messages, and draws the scene if it has changed and it is time to draw,
// as [window.Window.Frame] does.
func (p *page) Frame(busy bool) (drawn bool, err error) {
	for len(p.waiting) > 0 {
		m := p.take()
		if m.Get("kind").String() != "do" {
			p.handle(m)
			continue
		}
		switch what := m.Get("what").String(); {
		case what == "stop":
			p.stop = true
		case p.scene == nil:
		case what == "pause":
			p.scene.Key(viz.KeyPause)
		case what == "step":
			p.scene.Key(viz.KeyStep)
		}
		p.acted = true
	}
	acted := p.acted
	p.dirty, p.acted = p.dirty || acted, false
	if p.scene == nil || min(p.width, p.height) < viz.MinSide || !p.dirty || !p.pace.Due(time.Now(), busy && !acted) {
		return false, nil
	}
	shown, err := p.pace.Draw(p.scene.Scene, p.width, p.height, p.scale)
	if err != nil {
		return false, err
	}
	p.dirty = !shown
	p.tell(p.scene)
	return true, nil
}

// Wait returns when the user does something, or after 100 ms.
func (p *page) Wait() {
	if len(p.waiting) > 0 {
		return
	}
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-p.more:
	case <-t.C:
	}
}

// Closed reports whether the user wants the run to stop.
func (p *page) Closed() bool { return p.stop }

// frame draws until the picture is up to date, while nothing trains.
func (p *page) frame() {
	for p.scene != nil && (p.dirty || p.acted) && len(p.waiting) == 0 {
		if _, err := p.Frame(false); err != nil {
			name := p.model
			p.closeRun()
			if errors.Is(err, gpu.ErrLost) && name != "" {
				err = p.perform(func() error { return p.look(name) })
			}
			if err != nil {
				p.failed(err)
			}
			return
		}
		p.Wait()
	}
}
