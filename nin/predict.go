package nin

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/shaders/input/pillow"
)

// Prediction is a class and the probability that the network gives it.
type Prediction struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"` // softmax of the logits
}

// Predictor finds the classes of images with a trained network on a device. [Predictor.Predict]
// takes one image; [Predictor.Add] and [Predictor.Run] take many, in batches.
//
// An image is preprocessed as in training: it becomes grey if the network takes one channel,
// transparent pixels are shown on white (see [data.FromImage]), and it is resized to the network's
// input with the same bits as Pillow's BILINEAR. Then the network normalises and whitens it as its
// file says. Nothing is cropped, and nothing is inverted (see [Model.LooksInverted]).
//
// For a network whose outputs are numbers (see Model.Values), use [Predictor.Values] instead of
// Predict and Run.
//
// After the first prediction, a predictor allocates nothing on the device. Like its device, it may
// be used by one goroutine at a time.
type Predictor struct {
	net     *nn.Net
	images  *nn.Images
	eval    *nn.Evaluator
	classes []string
	values  error        // why there are no classes
	batch   *data.Images // resized
	added   int          // images of the batch
}

// NewPredictor puts m on dev and plans predictions of batch images at a time, 1 or more. A larger
// batch needs more memory and less time for each image; a batch that is not full takes the time of
// a full one. The caller closes the predictor. Errors: those of [Model.Net] and [nn.NewEvaluator].
func NewPredictor(dev *gpu.Device, m *Model, batch int) (_ *Predictor, err error) {
	if batch < 1 || batch > 1e6 {
		return nil, nn.RangeError{Setting: "Batch", Value: batch, Want: "1 to 1000000"}
	}
	p := &Predictor{values: m.Classifier()}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.classes, err = m.classNames(); err != nil {
		return nil, err
	}
	if p.net, err = m.Net(dev); err != nil {
		return nil, err
	}
	in := p.net.In
	p.batch = &data.Images{C: in.C, H: in.H, W: in.W, Pixels: make([]uint8, batch*in.Len()),
		Labels: make([]uint8, batch)}
	if p.images, err = nn.Upload(dev, p.batch); err != nil {
		return nil, err
	}
	p.eval, err = nn.NewEvaluator(p.net, p.images, batch, nn.Outputs{})
	return p, err
}

// Close releases the memory on the device. It may be called on nil.
func (p *Predictor) Close() {
	if p == nil {
		return
	}
	p.eval.Close()
	p.images.Close()
	p.net.Close()
}

// Predict returns all classes for img, the most probable first. An [image.Image] has no EXIF: to
// read a file with its orientation, use [data.ReadImage] and [Predictor.Add].
//
// Errors: an image without pixels, images that were added and not run, logits that are not finite,
// and a network whose outputs are numbers.
func (p *Predictor) Predict(img image.Image) ([]Prediction, error) {
	if p.values != nil {
		return nil, p.values
	}
	if p.added > 0 {
		return nil, errors.New("nin: images were added to the batch; run it first")
	}
	im, err := data.FromImage(img, p.net.In.C)
	if err == nil {
		err = p.Add(im)
	}
	if err != nil {
		return nil, err
	}
	all, err := p.Run()
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Add resizes an image and puts it into the batch. im is a set of one image [1,C,H,W] of any size,
// with the channels of the network's input, as [data.ReadImage] and [data.FromImage] make it. Its
// label does not matter.
func (p *Predictor) Add(im *data.Images) error {
	in := p.net.In
	switch {
	case p.added == p.batch.Len():
		return fmt.Errorf("the batch has %d images and takes no more", p.added)
	case im.Len() != 1 || im.C != in.C || len(im.Pixels) != im.C*im.H*im.W:
		return fmt.Errorf("%d images of %d channels; want one of %d", im.Len(), im.C, in.C)
	}
	pixels := im.Pixels
	if im.H != in.H || im.W != in.W {
		pixels = pillow.Bilinear{C: im.C, InH: im.H, InW: im.W, OutH: in.H, OutW: in.W}.Resize(pixels)
	}
	copy(p.batch.Pixels[p.added*in.Len():], pixels)
	p.added++
	return nil
}

// Values returns the outputs of the network for each image that was added since the last run, in
// order: the K numbers of a vector, or the C*H*W of an image in the order [C,H,W]. For a network
// with classes they are the logits, in the order of the classes.
func (p *Predictor) Values() ([][]float32, error) {
	n := p.added
	p.added = 0
	if err := p.images.Replace(p.batch); err != nil {
		return nil, err
	}
	return p.eval.Logits(0, n)
}

// Run returns the predictions for each image that was added since the last run, in order. The
// predictions of an image are all classes, the most probable first.
func (p *Predictor) Run() ([][]Prediction, error) {
	if p.values != nil {
		return nil, p.values
	}
	rows, err := p.Values()
	if err != nil {
		return nil, err
	}
	all := make([][]Prediction, len(rows))
	for i, logits := range rows {
		for c, logP := range nn.LogSoftmax(logits) {
			all[i] = append(all[i], Prediction{p.classes[c], math.Exp(logP)})
		}
		slices.SortStableFunc(all[i], func(a, b Prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	}
	return all, nil
}
