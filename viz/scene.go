// Package viz draws what a network computes: feature maps, kernels, gradients,
// class activation maps, the loss, straight from the device buffers that hold
// them. It knows buffers and plain numbers, and nothing of networks.
package viz

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"time"

	"wgnin/gpu"
)

// Scene draws into a pixel buffer on the device, and changes with keys and the
// mouse. Like its device it is used from one goroutine at a time.
type Scene struct {
	dev    *gpu.Device
	src    Source
	width  int
	height int
	scale  float64
	frame  *gpu.Buffer
	canvas *image.RGBA
	paused bool
	steps  int // that single-step keys ask for
}

// NewScene starts a scene of src on dev.
func NewScene(dev *gpu.Device, src Source) (*Scene, error) {
	if len(src.Layers) == 0 || src.Forward == nil {
		return nil, errors.New("viz: a source without layers, or without Forward")
	}
	return &Scene{dev: dev, src: src, scale: 1}, nil
}

// Close gives the device memory back. It may be called on nil.
func (s *Scene) Close() {
	if s != nil {
		s.frame.Release()
	}
}

// Draw submits what draws the scene, and returns where the picture will be:
// [height,width] pixels of one word each, RGBA8 with red in the lowest byte,
// rows without gaps. The view is good until Draw is called with another size.
// Sizes are framebuffer pixels; scale is how many of them a point of text has,
// 1 but on high-density displays. It does not wait.
func (s *Scene) Draw(width, height int, scale float64) (gpu.View, error) {
	if err := s.resize(width, height, scale); err != nil {
		return gpu.View{}, err
	}
	return s.frame.All(), nil
}

const minSide = 16

func (s *Scene) resize(width, height int, scale float64) error {
	if s.width == width && s.height == height && s.scale == scale {
		return nil
	}
	limit := min(s.dev.Adapter().Limits.MaxBindingBytes, s.dev.Adapter().Limits.MaxBufferBytes)
	if bytes := int64(width) * int64(height) * 4; min(width, height) < minSide || max(width, height) > 1<<15 || bytes > limit {
		return fmt.Errorf("viz: a picture of %dx%d; want at least %d pixels a side, and at most %d bytes", width, height, minSide, limit)
	}
	frame, err := s.dev.NewBuffer("frame", int64(width)*int64(height)*4)
	if err != nil {
		return err
	}
	s.frame.Release()
	s.frame, s.width, s.height, s.scale = frame, width, height, scale
	s.canvas = image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(s.canvas, s.canvas.Bounds(), image.NewUniform(color.RGBA{18, 20, 24, 255}), image.Point{}, draw.Src)
	words := make([]uint32, width*height)
	for i := range words {
		p := s.canvas.Pix[4*i:]
		words[i] = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
	}
	return gpu.Write(frame.All(), words)
}

// Image draws the scene as it is now, waits, and reads the picture back.
func (s *Scene) Image(width, height int, scale float64) (*image.RGBA, error) {
	view, err := s.Draw(width, height, scale)
	if err != nil {
		return nil, err
	}
	words := make([]uint32, width*height)
	if err := gpu.Read(view, words); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i, w := range words {
		img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2], img.Pix[4*i+3] = uint8(w), uint8(w>>8), uint8(w>>16), uint8(w>>24)
	}
	return img, nil
}

// Advance says that training may take a step: always while it is not paused,
// and once for each time that a single step is asked for.
func (s *Scene) Advance() bool {
	if !s.paused {
		return true
	}
	if s.steps > 0 {
		s.steps--
		return true
	}
	return false
}

// Key does what k asks for.
func (s *Scene) Key(k Key) {
	switch k {
	case KeyPause:
		s.paused, s.steps = !s.paused, 0
	case KeyStep:
		s.paused = true
		s.steps++
	}
}

// MouseMove says where the mouse is, in framebuffer pixels.
func (s *Scene) MouseMove(x, y float64) {}

// MouseButton says that the main button went down or up at x, y.
func (s *Scene) MouseButton(down bool, x, y float64) {}

// SetImage makes an image of the user's own the input. It is cut to the shape
// of the network's input and resized on the device.
func (s *Scene) SetImage(img image.Image) error { return nil }

// Step adds a training step to the curves and to the status line.
func (s *Scene) Step(step Step) error { return nil }

// Epoch adds a test to the curves.
func (s *Scene) Epoch(e Epoch) {}

// FrameTime is shown in the status line.
func (s *Scene) FrameTime(d time.Duration) {}

// SetLayer chooses the layer by its name.
func (s *Scene) SetLayer(name string) error { return nil }
