package viz

import (
	"fmt"
	"image"
	"math"
	"slices"
	"unicode"
)

// Key is a command that a key of the keyboard gives to a scene.
type Key int

// The keys. Each comment names what a window should bind to the key.
const (
	KeyNone          Key = iota
	KeyLayerUp           // up: the previous layer
	KeyLayerDown         // down: the next layer
	KeyNextSample        // right: the next sample
	KeyPrevSample        // left: the previous sample
	KeyNormalisation     // n: scale colours by the range of each map, of the layer, or of all layers
	KeyColours           // c: the next colour map
	KeyView              // v: activations, gradients, kernels, gradients of kernels
	KeyZoom              // enter: show one map alone, or all again
	KeyNextMap           // tab or .: select the next map
	KeyPrevMap           // shift-tab or ,: select the previous map
	KeyNextPlane         // ]: the next input channel of the kernels
	KeyPrevPlane         // [: the previous input channel
	KeyNextClass         // k: the next class for the class activation map; after the last, the most likely one
	KeyPause             // space: pause or continue training
	KeyStep              // s: run one training step
	KeyFreeze            // f: keep the input, or show the next sample every ten training steps
	KeyBack              // b or page up: go back in the training run
	KeyForward           // g or page down: go forward
	KeyNow               // end: return to the present
	KeyClear             // delete: clear the canvas
	KeyInvert            // i: invert the user's own image
	KeyScreenshot        // p: save a picture
	KeyHelp              // h or ?: show or close the help
	KeyEscape            // escape: close the help, return to the present or to all maps, in this order; else quit
	KeyQuit              // q: quit
)

// letters maps the character that a key types, not the position of the key, so it works with every
// keyboard layout.
var letters = map[rune]Key{
	'n': KeyNormalisation, 'c': KeyColours, 'v': KeyView, 'k': KeyNextClass,
	'.': KeyNextMap, ',': KeyPrevMap, ']': KeyNextPlane, '[': KeyPrevPlane,
	'i': KeyInvert, ' ': KeyPause, 's': KeyStep, 'f': KeyFreeze, 'b': KeyBack, 'g': KeyForward,
	'p': KeyScreenshot, 'h': KeyHelp, '?': KeyHelp, 'q': KeyQuit,
}

// KeyOf returns the Key bound to a typed character, in upper or lower case, or KeyNone if there is
// none.
func KeyOf(typed rune) Key { return letters[unicode.ToLower(typed)] }

// helpLines returns the keys that work here, and what they do.
func (s *Scene) helpLines() [][2]string {
	lines := [][2]string{
		{"↑ ↓", "layer; a click in the list too"},
		{"V", "activations, gradients, kernels, their gradients"},
		{"N", "colours by each map's range, the layer's, all layers'"},
		{"C", "colour map"},
		{"Tab  Enter", "next map; one map alone, as a click does"},
		{"[  ]", "input channel of the kernels"},
	}
	add := func(can bool, key, does string) {
		if can {
			lines = append(lines, [2]string{key, does})
		}
	}
	add(s.src.Samples > 0, "← →", "sample")
	add(s.canDraw(), "mouse", "draw on the input; Delete clears it")
	add(s.src.SetPixels != nil, "drop", "an image file, to be the input; I inverts it")
	add(s.src.CAM >= 0, "K", "class of the class map; a click on a bar too")
	add(s.curves.any(), "Space  S", "pause; one training step")
	add(s.curves.any() && s.src.Samples > 0, "F", "let the input follow the training, or freeze it")
	add(s.src.History > 0, "B  G  End", "back in the training run, forward, now; drag the timeline")
	add(s.src.Save != nil, "P", "save a picture")
	add(s.quit == nil, "H  Esc", "this help; back")
	add(s.quit != nil, "H  Esc", "this help; back, or quit if there is nothing to leave")
	add(s.quit != nil, "Q", "quit")
	return lines
}

func (s *Scene) canDraw() bool {
	return s.src.SetPixels != nil && s.src.Canvas.X > 0 && s.src.Canvas.Y > 0
}

// Key carries out k. If that fails, the next Draw returns the error.
func (s *Scene) Key(k Key) {
	s.message = ""
	switch k {
	case KeyLayerUp:
		s.choose(s.layer - 1)
	case KeyLayerDown:
		s.choose(s.layer + 1)
	case KeyNextSample:
		s.fail(s.show(s.sample + 1))
	case KeyPrevSample:
		s.fail(s.show(s.sample - 1))
	case KeyNormalisation:
		s.norm = (s.norm + 1) % normalisation(len(normalisationNames))
	case KeyColours:
		s.colour = (s.colour + 1) % len(s.palettes.names)
	case KeyView:
		s.view = (s.view + 1) % view(len(viewNames))
		s.past.at = -1 // only activations are kept
		s.mark, s.zoom = -1, false
	case KeyZoom:
		s.toggleZoom(max(s.mark, 0))
	case KeyNextMap:
		s.step(&s.mark, 1)
	case KeyPrevMap:
		s.step(&s.mark, -1)
	case KeyNextPlane, KeyPrevPlane:
		if w := s.src.Layers[s.layer].Weights; !w.Data.IsZero() {
			n := w.Shape[1]
			if k == KeyNextPlane {
				s.channel = (s.channel + 1) % n
			} else {
				s.channel = (s.channel + n - 1) % n
			}
		}
	case KeyNextClass:
		if s.class++; s.class >= s.src.classes() {
			s.class = -1
		}
	case KeyPause:
		s.paused, s.steps = !s.paused, 0
	case KeyStep:
		s.paused = true
		s.steps++
	case KeyFreeze:
		s.follow = !s.follow && s.src.Samples > 0
	case KeyBack:
		s.travel(func() { s.past.move(-1) })
	case KeyForward:
		s.travel(func() { s.past.move(1) })
	case KeyNow:
		s.past.at = -1
	case KeyClear:
		if s.canDraw() {
			s.clear()
			s.fail(s.useOwn())
		}
	case KeyInvert:
		if s.mine {
			for i, v := range s.own {
				s.own[i] = 255 - v
			}
			s.fail(s.useOwn())
		}
	case KeyScreenshot:
		s.shot = s.src.Save != nil
	case KeyHelp:
		s.help = !s.help
	case KeyEscape:
		switch {
		case s.help:
			s.help = false
		case s.past.at >= 0:
			s.past.at = -1
		case s.mark >= 0:
			s.mark, s.zoom = -1, false
		default:
			s.leave()
		}
	case KeyQuit:
		s.leave()
	}
}

// leave quits, if the program allows it.
func (s *Scene) leave() {
	if s.quit != nil {
		s.quit()
	}
}

func (s *Scene) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// choose shows layer i, if it exists.
func (s *Scene) choose(i int) {
	if i >= 0 && i < len(s.src.Layers) && i != s.layer {
		s.layer, s.mark, s.zoom = i, -1, false
	}
}

// step moves the border to the next map or to the previous one.
func (s *Scene) step(mark *int, by int) {
	if t := s.tensor(s.layer); !t.Data.IsZero() {
		*mark = (max(*mark, min(0, -by)) + by + t.Shape[0]) % t.Shape[0]
	}
}

// toggleZoom shows map m alone, or all maps again. It does nothing if the layer is shown as bars.
func (s *Scene) toggleZoom(m int) {
	if !s.tensor(s.layer).Data.IsZero() && s.layout.values.columns == 0 {
		s.mark, s.zoom = m, !s.zoom
	}
}

// show makes sample i the input. The first sample follows the last.
func (s *Scene) show(i int) error {
	if s.src.Sample == nil || s.src.Samples < 1 {
		return nil
	}
	s.sample, s.mine = (i+s.src.Samples)%s.src.Samples, false
	s.stale()
	var err error
	s.truth, err = s.src.Sample(s.sample)
	return err
}

// travel goes to another moment of the training run. The history holds only activations, so it
// shows those.
func (s *Scene) travel(move func()) {
	if len(s.past.kept) == 0 {
		return
	}
	move()
	if s.past.at >= 0 && s.view != activations {
		s.view, s.mark, s.zoom = activations, -1, false
	}
}

// MouseMove tells the scene that the mouse is at x, y, in framebuffer pixels from the top left.
func (s *Scene) MouseMove(x, y float64) {
	before := s.mouse
	s.mouse = image.Pt(int(math.Floor(x)), int(math.Floor(y)))
	switch {
	case s.drawing:
		s.paint(before, s.mouse)
		s.fail(s.useOwn())
	case s.scrub:
		s.scrubTo(s.mouse.X)
	}
}

// MouseButton tells the scene that the main button went down or up at x, y, in framebuffer pixels
// from the top left.
func (s *Scene) MouseButton(down bool, x, y float64) {
	s.MouseMove(x, y)
	s.drawing, s.scrub = false, false
	if !down {
		return
	}
	l, at := s.layout, s.mouse
	switch {
	case at.In(l.input.rect) && s.canDraw():
		if !s.mine || s.ownSize != s.src.Canvas {
			s.clear()
		}
		s.drawing = true
		s.paint(at, at)
		s.fail(s.useOwn())
	case at.In(l.timeline):
		s.scrub = true
		s.scrubTo(at.X)
	case at.In(l.list):
		s.choose(s.firstListed() + (at.Y-l.list.Min.Y)/max(1, l.row))
	case at.In(l.bars):
		if i, bars := (at.Y-l.bars.Min.Y)/max(1, l.row), s.ranked(s.src.classes()); i < len(bars) {
			s.toggleClass(bars[i].class)
		}
	case at.In(l.values.rect) && s.perClass():
		if m, ok := l.values.at(at, s.src.classes()); ok {
			s.toggleClass(m)
		}
	default:
		if h := s.hover(); h.what == ofGrid {
			s.toggleZoom(h.m)
		}
	}
}

// toggleClass shows the class map of class i or, if it is shown, that of the most likely class
// again.
func (s *Scene) toggleClass(i int) {
	if s.class == i {
		i = -1
	}
	s.class = i
}

func (s *Scene) scrubTo(x int) {
	r := s.track()
	s.travel(func() {
		s.past.show(int(math.Round(float64(x-r.Min.X) / float64(max(1, r.Dx())) * float64(len(s.past.kept)))))
	})
}

// clear makes the user's own image an empty canvas.
func (s *Scene) clear() {
	s.ownSize = s.src.Canvas
	s.own = make([]uint8, s.ownSize.X*s.ownSize.Y*s.src.Input.Shape[1])
}

// useOwn makes the user's own image the input.
func (s *Scene) useOwn() error {
	if err := s.src.SetPixels(s.own, s.ownSize.X, s.ownSize.Y); err != nil {
		return err
	}
	s.mine, s.truth = true, -1
	s.past.at = -1
	s.stale()
	return nil
}

// brush is the radius of the brush, in pixels of a canvas of 28 columns.
const brush = 1.5

// paint draws a white line with a soft edge on the canvas. from and to are pixels of the picture.
func (s *Scene) paint(from, to image.Point) {
	g, size := s.layout.input, s.src.Canvas
	onCanvas := func(p image.Point) (x, y float64) {
		p = p.Sub(g.rect.Min)
		return (float64(p.X) + 0.5) * float64(size.X) / float64(g.cellW),
			(float64(p.Y) + 0.5) * float64(size.Y) / float64(g.cellH)
	}
	x0, y0 := onCanvas(from)
	x1, y1 := onCanvas(to)
	radius := brush * float64(size.X) / 28
	length := (x1-x0)*(x1-x0) + (y1-y0)*(y1-y0)
	for y := range size.Y {
		for x := range size.X {
			px, py := float64(x)+0.5, float64(y)+0.5
			t := 0.0 // the nearest place on the line
			if length > 0 {
				t = min(max(((px-x0)*(x1-x0)+(py-y0)*(y1-y0))/length, 0), 1)
			}
			far := math.Hypot(px-x0-t*(x1-x0), py-y0-t*(y1-y0))
			ink := uint8(255 * min(max(radius+0.5-far, 0), 1))
			for c := range s.src.Input.Shape[1] {
				i := (c*size.Y+y)*size.X + x
				s.own[i] = max(s.own[i], ink)
			}
		}
	}
}

// SetImage makes an image of the user's own the input: 8-bit values, planar [C,h,w], with the
// channels of the network's input. The device resizes it. SetImage returns an error if the source
// has no SetPixels, or if the number of pixels is not C*h*w.
func (s *Scene) SetImage(pixels []uint8, w, h int) error {
	if s.src.SetPixels == nil {
		return fmt.Errorf("no image of your own can be shown here")
	}
	if channels := s.src.Input.Shape[1]; w < 1 || h < 1 || len(pixels) != channels*w*h {
		return fmt.Errorf("an image of %dx%d has %d values; want %d for each pixel, and at least one pixel", w, h,
			len(pixels), channels)
	}
	s.own, s.ownSize = slices.Clone(pixels), image.Pt(w, h)
	return s.useOwn()
}
