package nn

import (
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/nn/data"
	"wgnin/shaders/gather"
	"wgnin/shaders/input"
)

// Images are labelled images in device memory, as 8-bit pixels. A set that exceeds one binding of
// the adapter is divided into several buffers.
type Images struct {
	set     *data.Images
	classes int // one more than the largest label
	dev     *gpu.Device
	chunks  []chunk
	targets *gpu.Buffer // [N,values]; nil without targets
	values  int         // targets of an image
}

type chunk struct {
	first, count   int
	pixels, labels *gpu.Buffer
}

// Upload copies a set to the device. A set without pixels, of [data.Blank], is black there. The
// caller closes the images. Errors: an empty set, pixels that are not [N,C,H,W], and too little
// memory, which wraps [gpu.ErrOutOfMemory].
func Upload(dev *gpu.Device, set *data.Images) (*Images, error) {
	if err := (Shape{C: set.C, H: set.H, W: set.W}).check(); err != nil {
		return nil, fmt.Errorf("nn: images: %w", err)
	}
	size := set.C * set.H * set.W
	if set.Len() < 1 || set.Pixels != nil && len(set.Pixels) != set.Len()*size {
		return nil, fmt.Errorf("nn: %d labels and %d pixels; want at least one image, of %d pixels each", set.Len(),
			len(set.Pixels), size)
	}
	limit := min(dev.Adapter().Limits.MaxBindingBytes, dev.Adapter().Limits.MaxBufferBytes)
	perChunk := int(limit / int64(size))
	if perChunk == 0 {
		return nil, fmt.Errorf("nn: an image of %d bytes; %s binds at most %d", size, dev.Adapter().Name, limit)
	}
	return uploadChunks(dev, set, perChunk)
}

// uploadChunks is [Upload] with perChunk images in each buffer.
func uploadChunks(dev *gpu.Device, set *data.Images, perChunk int) (*Images, error) {
	im := &Images{set: set, dev: dev}
	for i := range set.Len() {
		im.classes = max(im.classes, 1+set.Label(i))
	}
	size := set.C * set.H * set.W
	for first := 0; first < set.Len(); first += perChunk {
		count := min(perChunk, set.Len()-first)
		c := chunk{first: first, count: count}
		var err error
		if c.pixels, err = dev.NewBuffer("pixels", int64(count)*int64(size)); err == nil && set.Pixels != nil {
			err = write(c.pixels, set.Pixels[first*size:][:count*size])
		}
		if err == nil {
			c.labels, err = upload(dev, "labels", packLabels(set, first, count))
		}
		im.chunks = append(im.chunks, c)
		if err != nil {
			im.Close()
			return nil, err
		}
	}
	return im, nil
}

// Replace overwrites the uploaded set with another of the same number and shape of images, whose
// labels are of the same classes. Trainers and evaluators made of the images remain valid, and the
// targets stay. Errors: another shape or number of images, a label above the largest of the first
// set.
func (im *Images) Replace(set *data.Images) error {
	old := im.set
	if set.C != old.C || set.H != old.H || set.W != old.W || set.Len() != old.Len() ||
		len(set.Pixels) != set.Len()*set.C*set.H*set.W {
		return fmt.Errorf("nn: %d images [%d,%d,%d] in place of %d [%d,%d,%d]; want the same shape",
			set.Len(), set.C, set.H, set.W, old.Len(), old.C, old.H, old.W)
	}
	for i := range set.Len() {
		if l := set.Label(i); l >= im.classes {
			return fmt.Errorf("nn: label %d in place of images of %d classes", l, im.classes)
		}
	}
	return im.overwrite(set)
}

// SetTargets gives each image a target of K numbers, for a loss such as [MSE] that reads them
// instead of the label, which may then be 0. Shape: values [N,K] for N images; K follows from the
// length. Call it before making a trainer or an evaluator of the images. A later call changes the
// numbers, but cannot change K. Errors: values whose length is not a multiple of N, that are not
// finite, or that are too many to bind.
func (im *Images) SetTargets(values []float32) (err error) {
	k := len(values) / im.Len()
	switch {
	case k == 0 || len(values) != k*im.Len():
		return fmt.Errorf("nn: %d targets; want as many for each of %d images", len(values), im.Len())
	case im.targets != nil && k != im.values:
		return fmt.Errorf("nn: %d targets an image; there were %d", k, im.values)
	case !finite(values):
		return errors.New("nn: targets that are not finite")
	}
	limits := im.dev.Adapter().Limits
	if bytes := int64(len(values)) * 4; bytes > min(limits.MaxBindingBytes, limits.MaxBufferBytes) {
		return fmt.Errorf("nn: the targets take %d bytes; %s binds at most %d", bytes, im.dev.Adapter().Name,
			limits.MaxBindingBytes)
	}
	if im.targets != nil {
		return gpu.Write(im.targets.All(), values)
	}
	im.values = k
	im.targets, err = upload(im.dev, "targets", values)
	return err
}

// overwrite is Replace without checks.
func (im *Images) overwrite(set *data.Images) error {
	im.set = set
	size := set.C * set.H * set.W
	for _, c := range im.chunks {
		if err := write(c.pixels, set.Pixels[c.first*size:][:c.count*size]); err != nil {
			return err
		}
		if err := gpu.Write(c.labels.All(), packLabels(set, c.first, c.count)); err != nil {
			return err
		}
	}
	return nil
}

// write writes bytes, four to a word. It works piece by piece, because packing all at once would
// need twice the memory of the set.
func write(b *gpu.Buffer, bytes []uint8) error {
	const piece = 4 << 20
	for first := 0; first < len(bytes); first += piece {
		words := input.Pack(bytes[first:min(first+piece, len(bytes))])
		if err := gpu.Write(b.Slice(int64(first), b.Bytes()-int64(first)), words); err != nil {
			return err
		}
	}
	return nil
}

// packLabels returns n labels, from image first on, in the form that the device reads.
func packLabels(set *data.Images, first, n int) []uint32 {
	labels := make([]uint16, n)
	for i := range labels {
		labels[i] = uint16(set.Label(first + i))
	}
	return input.Pack(labels)
}

func upload[T gpu.Scalar](dev *gpu.Device, label string, words []T) (*gpu.Buffer, error) {
	b, err := dev.NewBuffer(label, int64(len(words))*4)
	if err != nil {
		return nil, err
	}
	return b, gpu.Write(b.All(), words)
}

// Len returns the number of images.
func (im *Images) Len() int { return im.set.Len() }

// Set returns the set that was uploaded.
func (im *Images) Set() *data.Images { return im.set }

// Bytes returns the size of the set on the device.
func (im *Images) Bytes() (n int64) {
	for _, c := range im.chunks {
		n += c.pixels.Bytes() + c.labels.Bytes()
	}
	if im.targets != nil {
		n += im.targets.Bytes()
	}
	return n
}

// Close releases the device memory. It may be called on nil.
func (im *Images) Close() {
	if im == nil {
		return
	}
	for _, c := range im.chunks {
		c.pixels.Release()
		c.labels.Release()
	}
	im.targets.Release()
}

// source provides a network's graphs with batches of a set.
type source struct {
	im    *Images
	order *gpu.Buffer // image numbers; at first in the order of the set
	taps  *gpu.Buffer
	cfg   input.Shape
}

func (im *Images) source(in Shape) (*source, error) {
	if in.C != im.set.C {
		return nil, fmt.Errorf("nn: images have %d channels and the network takes %d", im.set.C, in.C)
	}
	s := &source{im: im, cfg: input.Shape{C: in.C, InH: im.set.H, InW: im.set.W, OutH: in.H, OutW: in.W}}
	order := make([]uint32, im.Len())
	for i := range order {
		order[i] = uint32(i)
	}
	var err error
	if s.order, err = upload(im.dev, "order", order); err == nil {
		s.taps, err = upload(im.dev, "taps", s.cfg.Taps())
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close releases the device memory. It may be called on nil.
func (s *source) close() {
	if s != nil {
		s.order.Release()
		s.taps.Release()
	}
}

// input returns a tensor for images as the network takes them.
func (g *Graph) input(in Shape) *Tensor {
	return &Tensor{Shape: in, Memory: &Memory{name: inputName, Stride: in.C, Data: g.Temp("x", g.N*in.Len())}}
}

// build records the input of g: the images and targets of a batch.
func (s *source) build(g *Graph, in Shape) (x *Tensor, t Target) {
	x, t = g.input(in), Target{Labels: g.Temp("target", g.N), Classes: s.im.classes}
	s.record(g, x.Data, t.Labels)
	if s.im.targets != nil {
		shape := gather.Shape{N: g.N, K: s.im.values}
		t.K, t.Values = shape.K, g.Temp("targets", shape.N*shape.K)
		shape.Kernel().Record(g.rec, gather.Args[view, view, view]{Batch: g.Batch, Values: s.im.targets.All(),
			Order: s.order.All(), Y: t.Values})
	}
	return x, t
}

// record is build with memory that exists already.
func (s *source) record(g *Graph, x, labels view) {
	g.rec.Layer("input")
	for _, c := range s.im.chunks {
		cfg := s.cfg
		cfg.N, cfg.First, cfg.Count = g.N, c.first, c.count
		cfg.Kernel().Record(g.rec, input.Args[view, view, view, view]{
			Batch: g.Batch, Pixels: c.pixels.All(), Labels: c.labels.All(), Order: s.order.All(),
			Taps: s.taps.All(), X: x, Target_: labels,
		})
	}
}
