// Package netviz shows a network of package nn, during training or afterwards: the maps that each
// layer computes, kernels, gradients, class activation maps, classes and curves. It adapts package
// nn to package viz, which draws and knows nothing of networks. The command cmd/viz uses it.
//
// [New] makes a scene of a network, and [Scene.Trained] tells it of each step. Here ctx is a
// context, net an [nn.Net] with weights, trainer an [nn.Trainer] that trains it, test are the
// images to show, of package data, and must ends the program if there is an error. The film gets a
// picture after every second step:
//
//	scene, err := netviz.New(net, netviz.Options{Title: "two convolutions", Images: test})
//	must(err)
//	defer scene.Close()
//	var film viz.Film
//	for step, err := range trainer.Steps(ctx) {
//		must(err)
//		must(scene.Trained(trainer, step))
//		if step.Step%2 == 0 {
//			picture, err := scene.Image(320, 240, 1)
//			must(err)
//			film.Add(picture, 50)
//		}
//	}
//
// The file nin/netviz/example_test.go is the whole program, and writes a PNG and a GIF.
//
// Without a display, [viz.Scene.Image] draws a picture of the current scene, and a [viz.Film] makes
// a GIF of such pictures. A window of package viz/window shows the scene live; the example of that
// package is a complete program.
//
// Drawing reads the buffers in which the network computes, and writes nothing that training reads.
// A run computes the same bits whether it is shown or not.
package netviz

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"path/filepath"
	"strings"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/files"
	"wgnin/viz"
)

// Options say what a scene shows besides the network. The zero value is usable.
type Options struct {
	Title   string       // name of the network, at the left of the status line
	Images  *data.Images // images that the user can choose as the input, with its number of channels; nil for none
	Classes []string     // names of the logits; nil for those of Images or, without images, numbers
	Dir     string       // folder for pictures that the user saves with a key; empty for the current folder

	// Save saves a picture when the user presses the key for it, and returns its location, which
	// the footer shows. If Save is nil, the picture becomes a file in Dir.
	Save func(*image.RGBA) (name string, err error)

	// History limits the memory on the device, in bytes, for the maps of past training steps, to
	// which the timeline goes back. 0 keeps none; cmd/viz sets 128 MiB.
	History int64
}

// Scene shows a network. It adds the network to a [viz.Scene], which has the methods to draw and to
// choose the layer and the sample. Use it from one goroutine at a time, like the device.
type Scene struct {
	*viz.Scene
	Probe *nn.Probe // keeps the output of every layer for the image that is shown

	rate rate
}

// New makes a scene of net, which may have a trainer. The input is the first of the images, or a
// black image if there are none. Close the scene before the net.
func New(net *nn.Net, o Options) (_ *Scene, err error) {
	s := &Scene{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.Probe, err = nn.NewProbe(net); err != nil {
		return nil, err
	}
	if s.Scene, err = viz.NewScene(net.Device(), s.source(net, o)); err != nil {
		return nil, err
	}
	return s, nil
}

// Close releases the memory on the device. It may be called on nil.
func (s *Scene) Close() {
	if s == nil {
		return
	}
	s.Scene.Close()
	s.Probe.Close()
}

// source returns a source with what the probe keeps.
func (s *Scene) source(net *nn.Net, o Options) viz.Source {
	in, set := s.Probe.Input, o.Images
	src := viz.Source{
		Title: cmp.Or(o.Title, "a network") + " on " + net.Device().Adapter().Name, Classes: o.Classes, CAM: -1,
		History: o.History,
		Input: viz.Tensor{Data: in.Data, Shape: [4]int{1, in.C, in.H, in.W},
			Stride: [4]int{0, 1, in.W * in.Stride, in.Stride}},
		Canvas:  image.Pt(in.W, in.H),
		Forward: s.Probe.Run,
	}
	if src.Classes == nil && set != nil {
		src.Classes = set.Classes
	}
	signed := false // activations may be negative
	for i, l := range s.Probe.Layers {
		y := l.Output
		if len(l.Weights) > 0 {
			signed = true
		}
		if _, ok := l.Layer.(nn.GlobalAvgPool2D); ok && i > 0 && y.C == net.Out.Len() {
			src.CAM = i - 1
		}
		if _, relu := l.Layer.(nn.ReLU); relu || l.ReLU {
			signed = false
		}
		show := func(v gpu.View, signed bool) viz.Tensor {
			return viz.Tensor{Data: v, Shape: [4]int{y.C, 1, y.H, y.W}, Stride: [4]int{1, 0, y.W * y.Stride, y.Stride},
				Signed: signed}
		}
		weights := func(v gpu.View) viz.Tensor {
			return viz.Tensor{Data: v, Shape: l.WeightShape, Stride: l.WeightStride, Signed: true}
		}
		src.Layers = append(src.Layers, viz.Layer{
			Name: l.Path, Kind: l.String(), Short: short(l), Activation: show(y.Data, signed),
			Gradient: show(y.Grad, true),
			Weights:  weights(l.Weight), WeightGradient: weights(l.WeightGrad),
		})
	}
	// The class of the last sample. The loss of an image of the user's own is computed with it too.
	label := 0
	if set != nil && set.Len() > 0 {
		src.Samples, src.Canvas = set.Len(), image.Pt(set.W, set.H)
		src.Sample = func(i int) (int, error) {
			label = set.Label(i)
			return label, s.Probe.SetImage(set, i)
		}
	}
	src.SetPixels = func(pixels []uint8, w, h int) error { return s.Probe.SetPixels(pixels, h, w, label) }
	if src.Save = o.Save; src.Save == nil {
		src.Save = func(img *image.RGBA) (string, error) {
			name, err := filepath.Abs(filepath.Join(o.Dir, time.Now().Format("viz-20060102-150405.000.png")))
			if err != nil {
				return "", err
			}
			return name, files.WritePNG(name, img)
		}
	}
	return src
}

// short returns the text of l without named settings, such as a stride, and without the layers in a
// block.
func short(l nn.ProbeLayer) string {
	words := strings.Fields(nn.Text(l.Layer))
	for i, w := range words {
		if i > 0 && strings.ContainsAny(w[:1], "(abcdefghijklmnopqrstuvwxyz") {
			words = words[:i]
			break
		}
	}
	if l.ReLU {
		words = append(words, "+ relu")
	}
	return strings.Join(words, " ")
}

// SetInput makes an image of the user's own the input, resized as in training. im is a set of one
// image of any size, such as [data.ReadImage] and [data.FromImage] return. If an output of a layer
// is not finite, the error is an [nn.ErrDiverged] that names the layer.
func (s *Scene) SetInput(im *data.Images) error {
	if im.Len() != 1 {
		return fmt.Errorf("%d images; want one", im.Len())
	}
	if err := s.SetImage(im.Pixels, im.W, im.H); err != nil {
		return err
	}
	return s.Probe.Finite()
}

// SetFile calls [Scene.SetInput] with the image in a file, which [data.ReadImage] reads.
func (s *Scene) SetFile(path string) error {
	im, err := data.ReadImage(path, s.Probe.Input.C)
	if err != nil {
		return err
	}
	if err := s.SetInput(im); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Trained tells the scene that t, the trainer of its network, has finished a step: it passes on the
// loss, and records that the weights have changed. After a test of the network, call
// [viz.Scene.Tested].
func (s *Scene) Trained(t *nn.Trainer, step nn.Step) error {
	return s.Step(viz.Step{
		Step: step.Step, Steps: t.Total(), Epoch: float64(step.Step) / float64(t.StepsPerEpoch()), Loss: step.Loss,
		ImagesPerSecond: s.rate.add(step, time.Now()), Weights: t.Submitted(),
	})
}

// Window is the window that shows the scene: a Window of package viz/window whose Show was called
// with the scene.
type Window interface {
	Changed()
	Frame(busy bool) (drawn bool, err error)
	Wait()
	Closed() bool
}

// Turn lets w draw between two steps of a training. Call it after [Scene.Trained]. It draws if a
// picture is due, and returns. If the user has paused the training, Turn returns when the user
// continues or closes the window, or when ctx is done. It waits inside pause, unless that is nil;
// pause must call wait. The method Pause of a run of nin/run does, and does not count the wait as
// part of the run's time.
func (s *Scene) Turn(ctx context.Context, w Window, pause func(wait func() error) error) error {
	w.Changed()
	if _, err := w.Frame(true); err != nil {
		return err
	}
	paused := func() bool { return !s.Advance() && ctx.Err() == nil && !w.Closed() }
	if !paused() {
		return nil
	}
	s.rate = rate{}
	wait := func() error {
		for again := true; again; again = paused() {
			w.Wait()
			if _, err := w.Frame(false); err != nil {
				return err
			}
		}
		return nil
	}
	if pause == nil {
		return wait()
	}
	return pause(wait)
}

// rate measures images per second over the last steps.
type rate struct {
	at     []time.Time
	images []int
}

// rateSteps is the number of steps over which the rate is measured.
const rateSteps = 20

func (r *rate) add(s nn.Step, now time.Time) float64 {
	r.at, r.images = append(r.at, now), append(r.images, s.Images)
	if n := len(r.at) - rateSteps; n > 0 {
		r.at, r.images = r.at[n:], r.images[n:]
	}
	sum := 0
	for _, n := range r.images[1:] {
		sum += n
	}
	if sum == 0 {
		return 0
	}
	return float64(sum) / now.Sub(r.at[0]).Seconds()
}
