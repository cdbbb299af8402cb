// Package viz draws what a network computes: feature maps, kernels, gradients,
// class activation maps, the loss. Maps are drawn by kernels from the very
// device buffers that hold them, into a pixel buffer on the same device; only a
// few numbers, to be shown as text, ever come to the host. It knows buffers and
// plain numbers, and nothing of networks.
package viz

import (
	"errors"
	"fmt"
	"image"
	"math"
	"strings"
	"time"

	"wgnin/gpu"
)

// Scene draws into a pixel buffer on the device, and changes with keys and the
// mouse. Like its device it is used from one goroutine at a time.
type Scene struct {
	dev *gpu.Device
	src Source
	state
	layout layout
	pen    pen

	frame    *gpu.Buffer // [height,width]
	canvas   []uint32    // what the host has drawn of it
	areas    []area      // of which canvas is made
	palettes palettes
	colours  *gpu.Buffer // their words
	entries  *gpu.Buffer // statistics, [smallest, largest, mean, share that is not positive] each
	at       entryLayout
	numbers  program // makes statistics
	pointer  program // makes that of the number under the mouse
	panels   program // draws maps
	readback *gpu.Readback
	asked    []subject // of the read-backs that are pending
	subject  subject   // of values
	values   []float32 // entries that have come to the host

	fresh   bool // activations are those of the weights and the input
	backed  bool // and so are gradients
	moved   bool // they have changed since the last picture
	live    bool // a step was told of since the last picture
	past    history
	curves  curves
	status  Step
	frameMS float64
	err     error // of a key or the mouse, for the next picture
}

// state is what keys and mouse change.
type state struct {
	layer   int
	view    view
	norm    normalisation
	colour  int // of palettes
	channel int // input channel of kernels
	mark    int // map with the border; -1 is none
	zoom    bool
	class   int // of the activation map; -1 is the most likely one
	help    bool

	paused bool
	steps  int // single steps asked for
	follow bool
	origin
	own     []uint8     // the user's own image, planar
	ownSize image.Point // its columns and rows
	drawing bool
	scrub   bool // the mouse holds the timeline
	mouse   image.Point
	message string
	shot    bool // a picture is to be saved
}

// origin says where the input is from.
type origin struct {
	sample int
	truth  int  // its class; -1 is unknown
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

var normalisationNames = [...]string{"each map", "layer", "all layers"}

// entryLayout says where statistics are, in entries.
type entryLayout struct {
	unit, mouse, cam, all uint32 // 0 to 1; the number under the mouse; the map of the class; all layers
	logits                uint32 // one each
	totals                uint32 // one a layer
	maps                  uint32 // of the layer that is shown
	host                  uint32 // those up to here come to the host
	others                uint32 // maps of other layers
	rows                  uint32 // of maps, before they are merged
	end                   uint32
}

// subject is what statistics are of.
type subject struct {
	layer, channel int
	view           view
	past           int // -1 is the present
	hover          spot
}

// spot is a number of a tensor that is drawn.
type spot struct {
	what        spotKind
	m, row, col int
}

type spotKind int

const (
	ofNothing spotKind = iota
	ofGrid
	ofInput
)

// NewScene starts a scene of src on dev.
func NewScene(dev *gpu.Device, src Source) (_ *Scene, err error) {
	s := &Scene{dev: dev, src: src, numbers: program{dev: dev, name: "statistics"}, pointer: program{dev: dev, name: "pointer"}, panels: program{dev: dev, name: "panels"}}
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
	if s.readback, err = dev.NewReadback(s.entries.Slice(0, int64(s.at.host)*16), readbackDelay); err != nil {
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

// check refuses a source that cannot be drawn.
func (src Source) check() error {
	if len(src.Layers) == 0 || src.Forward == nil {
		return errors.New("viz: a source without layers, or without Forward")
	}
	if src.CAM >= len(src.Layers) {
		return fmt.Errorf("viz: layer %d has the activation maps; there are %d layers", src.CAM, len(src.Layers))
	}
	if src.Canvas.X < 0 || src.Canvas.Y < 0 {
		return fmt.Errorf("viz: a canvas of %v; want no negative size", src.Canvas)
	}
	if err := src.Input.check("input"); err != nil {
		return err
	}
	for _, l := range src.Layers {
		for i, t := range []Tensor{l.Activation, l.Gradient, l.Weights, l.WeightGradient} {
			if i > 0 && t.Data.IsZero() {
				continue
			}
			if err := t.check("layer " + l.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// logits is what the last layer puts out.
func (src Source) logits() Tensor { return src.Layers[len(src.Layers)-1].Activation }

// classes is the number of logits.
func (src Source) classes() int { return src.logits().Shape[0] }

// class is the name of class i.
func (src Source) class(i int) string {
	if i >= 0 && i < len(src.Classes) {
		return src.Classes[i]
	}
	return fmt.Sprint(i)
}

// entries lays the statistics out.
func (src Source) entries() entryLayout {
	most, rows := 1, 1
	for _, l := range src.Layers {
		for _, t := range []Tensor{l.Activation, l.Weights.kernels(0)} {
			most = max(most, t.Shape[0])
			rows = max(rows, t.Shape[0]*t.Shape[1]*t.Shape[2])
		}
	}
	at := entryLayout{unit: 0, mouse: 1, cam: 2, all: 3, logits: 4}
	at.totals = at.logits + uint32(src.classes())
	at.maps = at.totals + uint32(len(src.Layers))
	at.host = at.maps + uint32(most)
	at.others = at.host
	at.rows = at.others + uint32(most)
	at.end = at.rows + uint32(rows)
	return at
}

// Close gives the device memory back. It may be called on nil.
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

// Draw submits what draws the scene, and returns where the picture will be:
// [height,width] pixels of one word each, RGBA8 with red in the lowest byte,
// rows without gaps. The view is good until Draw is called with another size.
// Sizes are framebuffer pixels; scale is how many of them a point of text has,
// 1 but on high-density displays. While steps are told of, it does not wait,
// and shows numbers that are two pictures old; else, and for what keys and mouse
// have just chosen, it waits for the numbers that it shows.
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
	// What the user has just chosen to look at does not wait for later pictures.
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
	if bytes := int64(width) * int64(height) * 4; min(width, height) < MinSide || max(width, height) > 1<<15 || bytes > limit {
		return fmt.Errorf("viz: a picture of %dx%d; want at least %d pixels a side, and at most %d bytes", width, height, MinSide, limit)
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

// forward brings up to date what is shown, if it is not.
func (s *Scene) forward() error {
	backward := s.view == gradients || s.view == kernelGradients
	if s.fresh && (s.backed || !backward) {
		return nil
	}
	s.fresh, s.backed, s.moved = true, backward, true
	return s.src.Forward(backward)
}

// stale says that weights or input have changed.
func (s *Scene) stale() { s.fresh, s.backed = false, false }

// looked is what is looked at.
func (s *Scene) looked() subject {
	return subject{layer: s.layer, channel: s.channel, view: s.view, past: s.past.at, hover: s.hover()}
}

// tensor is what is shown of a layer; its data is none if the layer has no such
// thing.
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

// input is the image that is shown.
func (s *Scene) input() Tensor { return s.past.of(len(s.src.Layers), s.src.Input) }

// camClass is the class whose activation map is shown.
func (s *Scene) camClass() int {
	if s.class >= 0 {
		return s.class
	}
	best := 0
	for i, v := range s.logits() {
		if v > s.logits()[best] {
			best = i
		}
	}
	return best
}

// logits are those of the image, as far as they have come to the host.
func (s *Scene) logits() []float64 {
	v := make([]float64, s.src.classes())
	for i := range v {
		v[i] = s.entry(s.at.logits + uint32(i))[2]
	}
	return v
}

// entry is a statistic that has come to the host.
func (s *Scene) entry(i uint32) [4]float64 {
	var e [4]float64
	for k := range e {
		e[k] = float64(s.values[4*i+uint32(k)])
	}
	return e
}

// count makes the statistics, if what they are of has changed or again is set,
// and says whether it did. When they are to be exact it waits for them, and
// counts once more if they show another class to be the most likely.
func (s *Scene) count(again, exact bool) (counted bool, err error) {
	for {
		sub := s.looked()
		changed, err := s.numbers.set(s.statistics())
		if err != nil {
			return false, err
		}
		moved, err := s.pointer.set(s.pointed(sub.hover))
		if err != nil {
			return false, err
		}
		plans := s.pointer.plans()
		if again || changed {
			plans = append(plans, s.numbers.plans()...)
		}
		if again || changed || moved {
			counted = true
			if err := s.ask(sub, plans); err != nil {
				return false, err
			}
		}
		for exact && s.readback.Pending() > 0 {
			if err := s.take(); err != nil {
				return false, err
			}
		}
		if !exact || !again && !changed {
			return counted, nil
		}
		again = false
	}
}

// readbackDelay is how many pictures later numbers are shown while a training goes on: by
// then the device has long made them.
const readbackDelay = 2

// ask runs the statistics, and has them brought to the host some pictures later.
func (s *Scene) ask(sub subject, plans []*gpu.Plan) error {
	if s.readback.Full() {
		if err := s.take(); err != nil {
			return err
		}
	}
	s.asked = append(s.asked, sub)
	return s.readback.Run(plans...)
}

// take waits for the oldest numbers asked for.
func (s *Scene) take() error {
	s.subject, s.asked = s.asked[0], s.asked[1:]
	return s.readback.Next(s.values)
}

// rows is the dispatch that makes statistics of t's rows, with the map
// innermost.
func (s *Scene) rows(t Tensor, to uint32) dispatch {
	st := stats{
		Maps: uint32(t.Shape[0]), Planes: uint32(t.Shape[1]), Rows: uint32(t.Shape[2]), Cols: uint32(t.Shape[3]), Offset: uint32(t.Offset),
		MapStride: uint32(t.Stride[0]), PlaneStride: uint32(t.Stride[1]), RowStride: uint32(t.Stride[2]), ColStride: uint32(t.Stride[3]), To: to,
	}
	k := st.kernel()
	return dispatch{bound{k.Name, k.Groups, [4]gpu.View{t.Data}}, gpu.Words(st), func(r *gpu.Recorder, p gpu.View) {
		k.Record(r, statsArgs[gpu.View, gpu.View]{p, t.Data, s.entries.All()})
	}}
}

// pointed are the dispatches that make the statistic of the number under the
// mouse, if there is one.
func (s *Scene) pointed(h spot) []dispatch {
	t := s.tensor(s.layer)
	switch h.what {
	case ofNothing:
		return nil
	case ofInput:
		t = s.input()
	}
	return []dispatch{s.rows(t.value(h.m, h.row, h.col), s.at.mouse)}
}

// statistics are the dispatches that make the other numbers, and the ranges for
// colours.
func (s *Scene) statistics() []dispatch {
	var ds []dispatch
	join := func(m merge) {
		k := m.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{}}, gpu.Words(m), func(r *gpu.Recorder, p gpu.View) {
			k.Record(r, mergeArgs[gpu.View, gpu.View]{p, s.entries.All()})
		}})
	}
	each := func(t Tensor, to uint32) {
		ds = append(ds, s.rows(t, s.at.rows))
		join(merge{Sets: uint32(t.Shape[0]), Parts: uint32(t.Shape[1] * t.Shape[2]), Src: s.at.rows, To: to})
	}
	last := s.past.of(len(s.src.Layers)-1, s.src.logits())
	last.Shape[2], last.Shape[3] = 1, 1
	ds = append(ds, s.rows(last, s.at.logits))
	layers := uint32(0)
	for i := range s.src.Layers {
		if i != s.layer && s.norm != global {
			continue
		}
		t := s.tensor(i)
		if t.Data.IsZero() {
			continue
		}
		to := s.at.others
		if i == s.layer {
			to = s.at.maps
		}
		each(t, to)
		join(merge{Sets: 1, Parts: uint32(t.Shape[0]), Src: to, To: s.at.totals + layers})
		layers++
	}
	if layers > 0 {
		join(merge{Sets: 1, Parts: layers, Src: s.at.totals, To: s.at.all})
	}
	if t, ok := s.cam(); ok {
		each(t, s.at.cam)
	}
	return ds
}

// cam is the map of the class that is shown.
func (s *Scene) cam() (t Tensor, ok bool) {
	if s.src.CAM < 0 {
		return t, false
	}
	t = s.past.of(s.src.CAM, s.src.Layers[s.src.CAM].Activation)
	return t.one(min(s.camClass(), t.Shape[0]-1)), true
}

// pictures are the dispatches that draw maps.
func (s *Scene) pictures() []dispatch {
	var ds []dispatch
	sub := s.looked()
	add := func(g grid, t Tensor, m maps) {
		m.Left, m.Top, m.Width, m.Height = uint32(g.rect.Min.X), uint32(g.rect.Min.Y), uint32(g.rect.Dx()), uint32(g.rect.Dy())
		m.FrameWidth, m.Columns, m.CellWidth, m.CellHeight = uint32(s.layout.width), uint32(g.columns), uint32(g.cellW), uint32(g.cellH)
		m.Gap, m.Border = uint32(g.gap), uint32(min(g.gap, s.pen.pt(2)))
		m.Maps, m.Planes, m.Rows, m.Cols = uint32(t.Shape[0]), uint32(t.Shape[1]), uint32(t.Shape[2]), uint32(t.Shape[3])
		m.Offset, m.MapStride, m.PlaneStride = uint32(t.Offset), uint32(t.Stride[0]), uint32(t.Stride[1])
		m.RowStride, m.ColStride = uint32(t.Stride[2]), uint32(t.Stride[3])
		m.Background, m.MarkColour = packed(background), packed(bright)
		if t.Signed {
			m.Symmetric = 1
		}
		k := m.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{t.Data, s.frame.All()}}, gpu.Words(m), func(r *gpu.Recorder, p gpu.View) {
			k.Record(r, mapsArgs[gpu.View, gpu.View]{p, t.Data, s.entries.All(), s.colours.All(), s.frame.All()})
		}})
	}
	const none = math.MaxUint32
	if g := s.layout.input; !g.rect.Empty() {
		add(g, s.input(), maps{Range: s.at.unit, Colours: s.palettes.first(greys, false), Mark: none})
	}
	if t, ok := s.cam(); ok && !s.layout.cam.Empty() {
		r, in := s.layout.cam, s.input()
		c := cam{
			Left: uint32(r.Min.X), Top: uint32(r.Min.Y), Width: uint32(r.Dx()), Height: uint32(r.Dy()), FrameWidth: uint32(s.layout.width),
			Planes: uint32(in.Shape[1]), Rows: uint32(in.Shape[2]), Cols: uint32(in.Shape[3]), Offset: uint32(in.Offset),
			PlaneStride: uint32(in.Stride[1]), RowStride: uint32(in.Stride[2]), ColStride: uint32(in.Stride[3]),
			MapRows: uint32(t.Shape[2]), MapCols: uint32(t.Shape[3]), MapOffset: uint32(t.Offset),
			MapRowStride: uint32(t.Stride[2]), MapColStride: uint32(t.Stride[3]), Range: s.at.cam, Colours: s.palettes.first(s.colour, false),
		}
		k := c.kernel()
		ds = append(ds, dispatch{bound{k.Name, k.Groups, [4]gpu.View{in.Data, t.Data, s.frame.All()}}, gpu.Words(c), func(r *gpu.Recorder, p gpu.View) {
			k.Record(r, camArgs[gpu.View, gpu.View]{p, in.Data, t.Data, s.entries.All(), s.colours.All(), s.frame.All()})
		}})
	}
	if g := s.layout.grid; !g.rect.Empty() {
		t := s.tensor(s.layer)
		m := maps{Colours: s.palettes.first(s.colour, t.Signed), Mark: none}
		m.Range, m.RangeStep = s.span()
		switch {
		case s.zoom:
			m.Range += m.RangeStep * uint32(s.mark)
			t = t.one(s.mark)
		case sub.hover.what == ofGrid:
			m.Mark = uint32(sub.hover.m)
		case s.mark >= 0:
			m.Mark = uint32(s.mark)
		}
		add(g, t, m)
	}
	return ds
}

// span is the entry of the range of map 0 for colours, and how many further
// that of the next map is.
func (s *Scene) span() (first, step uint32) {
	switch s.norm {
	case perLayer:
		return s.at.totals, 0 // where only this layer is counted, it is the first
	case global:
		return s.at.all, 0
	}
	return s.at.maps, 1
}

// Image draws the scene as it is now, waits, and reads the picture back.
func (s *Scene) Image(width, height int, scale float64) (*image.RGBA, error) {
	if _, err := s.draw(width, height, scale, true); err != nil {
		return nil, err
	}
	return s.picture()
}

// picture reads the picture that was drawn last.
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

// save keeps a picture, as a key asked for.
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

// Step adds a training step to the curves and to the status line, and from time
// to time keeps the maps of the input as they are now.
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

// followEvery is the number of steps between samples, when the input is not
// frozen.
const followEvery = 10

// Tested adds a test to the curves.
func (s *Scene) Tested(e TestScore) { s.curves.epochs = append(s.curves.epochs, e) }

// FrameTime is shown in the status line.
func (s *Scene) FrameTime(d time.Duration) { s.frameMS = float64(d.Microseconds()) / 1000 }

// Advance reports whether the training may go on: always while it is not paused, and until
// the next [Scene.Step] for each time that a single step is asked for.
func (s *Scene) Advance() bool { return !s.paused || s.steps > 0 }

// SetSample makes sample i, of those counted from 0, the input.
func (s *Scene) SetSample(i int) error {
	if i < 0 || i >= s.src.Samples {
		return fmt.Errorf("there is no sample %d; there are %d, counted from 0", i, s.src.Samples)
	}
	return s.show(i)
}

// Say shows a text at the bottom, until the next key.
func (s *Scene) Say(text string) { s.message = text }

// SetLayer chooses the layer by its name.
func (s *Scene) SetLayer(name string) error {
	var names []string
	for i, l := range s.src.Layers {
		if l.Name == name {
			s.choose(i)
			return nil
		}
		names = append(names, l.Name)
	}
	return fmt.Errorf("there is no layer %q; there is: %s", name, strings.Join(names, ", "))
}
