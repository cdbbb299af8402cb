package viz

import (
	"fmt"
	"image"
	"strings"
	"time"

	"wgnin/gpu"
)

// Scene draws a source into a pixel buffer on the device. Keys and the mouse change what it shows.
// Use it from one goroutine at a time, like its device.
type Scene struct {
	dev *gpu.Device
	src Source
	state
	layout layout
	pen    pen

	frame    *gpu.Buffer // [height,width]
	canvas   []uint32    // the frame as the host drew it, without maps
	areas    []area      // the areas that canvas shows
	palettes palettes
	colours  *gpu.Buffer // the words of palettes
	entries  *gpu.Buffer // statistics, [smallest, largest, mean, share that is not positive] each
	at       entryLayout
	numbers  program // computes the statistics
	pointer  program // computes that of the number under the mouse
	panels   program // draws maps
	readback *gpu.Readback
	asked    []subject // of the pending readbacks, oldest first
	subject  subject   // of values
	values   []float32 // the entries read back last

	fresh   bool // the activations are up to date with the weights and the input
	backed  bool // and so are the gradients
	moved   bool // they have changed since the last picture
	live    bool // Step was called since the last picture
	past    history
	curves  curves
	status  Step
	frameMS float64
	err     error // from a key or the mouse; the next Draw returns it
	quit    func()
}

// state is what keys and the mouse change.
type state struct {
	layer   int
	view    view
	norm    normalisation
	colour  int // index in palettes
	channel int // input channel of kernels
	mark    int // map with the border; -1 is none
	zoom    bool
	class   int // of the activation map; -1 is the most likely one
	help    bool

	paused bool
	steps  int // single steps that the user has requested
	follow bool
	origin
	own     []uint8     // the user's own image, planar
	ownSize image.Point // its columns and rows
	drawing bool
	scrub   bool // the mouse holds the timeline
	mouse   image.Point
	message string
	shot    bool // the next picture is saved
}

// origin says where the input comes from.
type origin struct {
	sample int
	truth  int  // index of its class; -1 if unknown
	mine   bool // it is the user's own
}

type view int

const (
	activations view = iota
	gradients
	kernels
	kernelGradients
)

var viewNames = [...]string{"activations", "gradients", "kernels", "kernel gradients"}

type normalisation int

const (
	perMap normalisation = iota
	perLayer
	global
)

var normalisationNames = [...]string{"each map", "the layer", "all layers"}

// NewScene makes a scene of src on dev, with the first sample as the input if there are samples. It
// returns an error if src has no layers or no Forward, or if a tensor reaches beyond its buffer.
// Close the scene when it is no longer needed.
func NewScene(dev *gpu.Device, src Source) (_ *Scene, err error) {
	s := &Scene{dev: dev, src: src, numbers: program{dev: dev, name: "statistics"},
		pointer: program{dev: dev, name: "pointer"}, panels: program{dev: dev, name: "panels"}}
	s.state = state{mark: -1, class: -1, origin: origin{truth: -1}}
	s.past = history{dev: dev, at: -1, every: 1}
	if err := src.check(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	s.src.Classes = shownNames(src.Classes, system)
	if s.palettes, err = newPalettes(); err != nil {
		return nil, err
	}
	if s.colours, err = dev.NewBuffer("colours", int64(len(s.palettes.words))*4); err != nil {
		return nil, err
	}
	if err := gpu.Write(s.colours.All(), s.palettes.words); err != nil {
		return nil, err
	}
	s.at = src.entries()
	if s.entries, err = dev.NewBuffer("statistics", int64(s.at.end)*16); err != nil {
		return nil, err
	}
	if err := gpu.Write(s.entries.All(), []float32{0, 1, 0, 0}); err != nil {
		return nil, err
	}
	if s.readback, err = dev.NewReadback(readbackDelay, s.entries.Slice(0, int64(s.at.host)*16)); err != nil {
		return nil, err
	}
	s.values = make([]float32, 4*s.at.host)
	if src.Sample != nil && src.Samples > 0 {
		if s.truth, err = src.Sample(0); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close releases the memory on the device. It may be called on nil.
func (s *Scene) Close() {
	if s == nil {
		return
	}
	s.past.release()
	s.numbers.release()
	s.pointer.release()
	s.panels.release()
	s.readback.Release()
	for _, b := range []*gpu.Buffer{s.frame, s.colours, s.entries} {
		b.Release()
	}
}

// Draw submits the work that draws the scene, and returns a view of the picture on the device:
// [height,width] pixels of one word each, RGBA8 with red in the lowest byte, rows without gaps. The
// view is valid until Draw is called with another size. width and height are framebuffer pixels, at
// least [MinSide]. scale is the number of pixels per point of text, from 0.25 to 16; it is 1 except
// on high-density displays.
//
// If [Scene.Step] was called since the last picture, Draw does not wait, and shows numbers that are
// two pictures old. Otherwise, and when a key or the mouse has just selected something else, Draw
// waits for the numbers that it shows.
//
// Errors: a size or a scale out of range, and what failed after a key or the mouse.
func (s *Scene) Draw(width, height int, scale float64) (gpu.View, error) {
	return s.draw(width, height, scale, !s.live)
}

func (s *Scene) draw(width, height int, scale float64, exact bool) (gpu.View, error) {
	if err := s.err; err != nil {
		s.err = nil
		return gpu.View{}, err
	}
	if err := s.resize(width, height, scale); err != nil {
		return gpu.View{}, err
	}
	if err := s.forward(); err != nil {
		return gpu.View{}, err
	}
	s.arrange()
	// Show what the user has just selected at once, not two pictures later.
	exact = exact || s.looked() != s.subject
	again, err := s.count(s.moved, exact)
	if err != nil {
		return gpu.View{}, err
	}
	s.live, s.moved = false, false
	drawn, err := s.drawAreas()
	if err != nil {
		return gpu.View{}, err
	}
	changed, err := s.panels.set(s.pictures())
	if err != nil {
		return gpu.View{}, err
	}
	if again || changed || drawn {
		if err := s.dev.Run(s.panels.plans()...); err != nil {
			return gpu.View{}, err
		}
	}
	if s.shot {
		s.shot = false
		if err := s.save(); err != nil {
			return gpu.View{}, err
		}
		return s.draw(width, height, scale, exact) // the footer now names the file
	}
	return s.frame.All(), nil
}

// MinSide is the smallest width and height of a picture, in pixels.
const MinSide = 16

func (s *Scene) resize(width, height int, scale float64) error {
	if s.frame != nil && s.layout.width == width && s.layout.height == height && s.pen.scale == scale {
		return nil
	}
	limit := min(s.dev.Adapter().Limits.MaxBindingBytes, s.dev.Adapter().Limits.MaxBufferBytes)
	if bytes := int64(width) * int64(height) * 4; min(width, height) < MinSide || max(width, height) > 1<<15 ||
		bytes > limit {
		return fmt.Errorf("viz: a picture of %dx%d; want at least %d pixels a side, and at most %d bytes", width,
			height, MinSide, limit)
	}
	if !(scale >= 0.25 && scale <= 16) {
		return fmt.Errorf("viz: %g pixels a point; want 0.25 to 16", scale)
	}
	p, err := newPen(scale)
	if err != nil {
		return err
	}
	frame, err := s.dev.NewBuffer("frame", int64(width)*int64(height)*4)
	if err != nil {
		return err
	}
	s.frame.Release()
	s.frame, s.pen = frame, p
	s.layout.width, s.layout.height = width, height
	s.areas = nil
	return nil
}

// forward brings the activations up to date, and the gradients if they are shown.
func (s *Scene) forward() error {
	backward := s.view == gradients || s.view == kernelGradients
	if s.fresh && (s.backed || !backward) {
		return nil
	}
	s.fresh, s.backed, s.moved = true, backward, true
	return s.src.Forward(backward)
}

// stale records that the weights or the input have changed.
func (s *Scene) stale() { s.fresh, s.backed = false, false }

// tensor returns the tensor of a layer in the current view. Its Data is the zero View if the layer
// has no such tensor.
func (s *Scene) tensor(layer int) Tensor {
	l := s.src.Layers[layer]
	var t Tensor
	switch s.view {
	case gradients:
		return l.Gradient
	case kernels:
		t = l.Weights
	case kernelGradients:
		t = l.WeightGradient
	default:
		return s.past.of(layer, l.Activation)
	}
	if t.Data.IsZero() {
		return t
	}
	return t.kernels(s.channel % t.Shape[1])
}

// input returns the image that is shown.
func (s *Scene) input() Tensor { return s.past.of(len(s.src.Layers), s.src.Input) }

// Image draws the scene as it is now, waits, and reads the picture back. The arguments are those of
// [Scene.Draw].
func (s *Scene) Image(width, height int, scale float64) (*image.RGBA, error) {
	if _, err := s.draw(width, height, scale, true); err != nil {
		return nil, err
	}
	return s.picture()
}

// picture reads back the picture that was drawn last.
func (s *Scene) picture() (*image.RGBA, error) {
	words := make([]uint32, s.layout.width*s.layout.height)
	if err := gpu.Read(s.frame.All(), words); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, s.layout.width, s.layout.height))
	for i, w := range words {
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = uint8(w), uint8(w>>8), uint8(w>>16), uint8(w>>24)
	}
	return img, nil
}

// save passes the last picture to Source.Save.
func (s *Scene) save() error {
	img, err := s.picture()
	if err != nil {
		return err
	}
	name, err := s.src.Save(img)
	if err != nil {
		return err
	}
	s.message = "saved " + name
	return nil
}

// Step adds a training step to the curves and to the status line. From time to time it also keeps a
// copy of the current maps.
func (s *Scene) Step(step Step) error {
	s.status = step
	s.steps = max(0, s.steps-1)
	s.curves.step(step)
	s.stale()
	s.live = true
	if s.follow && step.Step%followEvery == 0 {
		if err := s.show(s.sample + 1); err != nil {
			return err
		}
	}
	if s.src.History == 0 || !s.past.due(step.Weights) {
		return nil
	}
	if err := s.forward(); err != nil {
		return err
	}
	return s.past.keep(s.src, step.Weights, s.origin)
}

// followEvery is the number of training steps after which the next sample is shown, unless the
// input is frozen.
const followEvery = 10

// Tested adds a test to the curves.
func (s *Scene) Tested(e TestScore) { s.curves.epochs = append(s.curves.epochs, e) }

// FrameTime sets the time for a picture that the status line shows.
func (s *Scene) FrameTime(d time.Duration) { s.frameMS = float64(d.Microseconds()) / 1000 }

// Advance reports whether training may continue. While it is paused, each single step that the user
// requests lets it continue until the next [Scene.Step].
func (s *Scene) Advance() bool { return !s.paused || s.steps > 0 }

// SetSample makes sample i the input, counting from 0. It returns an error if there is no such
// sample.
func (s *Scene) SetSample(i int) error {
	if i < 0 || i >= s.src.Samples {
		return fmt.Errorf("there is no sample %d; there are %d, counted from 0", i, s.src.Samples)
	}
	return s.show(i)
}

// OnQuit sets the function that [KeyQuit] calls, and [KeyEscape] if there is nothing to leave.
// Without one, neither key quits, and the help does not list them.
func (s *Scene) OnQuit(f func()) { s.quit = f }

// Say shows a text at the bottom until the next key.
func (s *Scene) Say(text string) { s.message = text }

// SetLayer selects a layer by its name. It returns an error with all names if there is no such
// layer.
func (s *Scene) SetLayer(name string) error {
	var names []string
	for i, l := range s.src.Layers {
		if l.Name == name {
			s.choose(i)
			return nil
		}
		names = append(names, l.Name)
	}
	return fmt.Errorf("there is no layer %q; want one of %s", name, strings.Join(names, ", "))
}
