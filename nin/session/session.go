// Package session puts a network on a device together with the images that it trains on or is
// measured on, its trainer and its evaluator. Runs, studies and reports all use a session, so a
// network computes the same for each of them.
package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

// Session is a network on a device. What was not asked for is nil.
type Session struct {
	Net         *nn.Net
	TrainImages *nn.Images
	TestImages  *nn.Images
	Trainer     *nn.Trainer
	Evaluator   *nn.Evaluator

	Found Found

	measured map[string]nn.Choice // by key
}

// Found is what a session found out about the device and the images, and the bits of a run
// depend on.
type Found struct {
	Micro   int        `json:"micro_batch"`       // images that train at a time
	Test    int        `json:"test_batch"`        // images that are measured at a time
	Kernels nn.Kernels `json:"kernels,omitempty"` // measured to be the fastest; nil without tuning

	Shares []int `json:"shares,omitempty"` // of a batch that ranks have, by their measured speed; nil for equal ones

	// that the setting Normalise asks for; nil for none
	Normalisation *data.Normalisation `json:"normalisation,omitempty"`
}

// New puts a network for inputs of shape in on dev.
func New(dev *gpu.Device, layers nn.Layer, in nn.Shape, options ...nn.NetOption) (*Session, error) {
	net, err := nn.NewNet(dev, layers, in, options...)
	if err != nil {
		return nil, err
	}
	return &Session{Net: net}, nil
}

// OfModel puts a trained network on dev.
func OfModel(dev *gpu.Device, m *nin.Model) (*Session, error) {
	net, err := m.Net(dev)
	if err != nil {
		return nil, err
	}
	return &Session{Net: net}, nil
}

// Training puts a recipe's network on dev as the settings of a run have it, with
// a trainer and an evaluator. It sees its images through w, if the settings say so.
// What was found before is kept; the zero Found is none. ctx ends the measurements of
// the settings Tune and Balance. The session is that of one of several ranks, unless ranks is nil;
// rank 0 tunes for all.
func Training(ctx context.Context, dev *gpu.Device, ranks nn.Ranks, r nin.Recipe, set nin.Settings, f Found,
	w *data.Whitening, train, test *data.Images) (_ *Session, err error) {
	train, test = train.First(set.TrainImages), test.First(set.TestImages)
	in := r.In
	in.C = train.C
	augment, err := nin.Augmentation(set.Augment, in)
	if err != nil {
		return nil, err
	}
	if set.Whiten != (w != nil) {
		return nil, errors.New("a whitening goes with the setting Whiten, and with no other; see data.FindWhitening")
	}
	if f.Normalisation == nil {
		if f.Normalisation, err = set.Normalisation(train); err != nil {
			return nil, err
		}
	}
	layers := r.Net(len(train.Classes), set.Dropout)
	if set.Net != "" {
		if _, err := nn.OutShape(layers, in); err != nil {
			return nil, nin.SettingError{Setting: "Net", Problem: "does not fit", Err: err}
		}
	}
	s, err := New(dev, layers, in, nn.Whiten(w), nn.Normalise(f.Normalisation), nn.Freeze(set.Frozen()...),
		nn.Across(ranks))
	if err != nil {
		return nil, err
	}
	s.Found.Normalisation = f.Normalisation
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	out := s.Net.Out
	if out.H*out.W > 1 && set.Net != "" {
		return nil, nin.SettingError{Setting: "Net",
			Problem: fmt.Sprintf("puts out %s; want one value a class: end it with globalavgpool, or with flatten; linear", out)}
	}
	if out.H*out.W == 1 && out.C != len(train.Classes) { // others have no loss
		problem := fmt.Sprintf("makes %d logits; want %d, one for each class of the images", out.C, len(train.Classes))
		if set.Net == "" {
			return nil, fmt.Errorf("the network of the recipe %s %s", r.Name, problem)
		}
		return nil, nin.SettingError{Setting: "Net", Problem: problem}
	}
	switch {
	case f.Kernels != nil:
		s.use(f.Kernels)
	case set.Tune:
		found, err := nn.Share(ranks, func() ([]byte, error) {
			if err := s.Tune(ctx, set.ShardSize(), func(nn.Choice) {}); err != nil {
				return nil, err
			}
			return json.Marshal(s.Found.Kernels)
		})
		if err != nil {
			return nil, err
		}
		var k nn.Kernels
		if err := json.Unmarshal(found, &k); err != nil {
			return nil, err
		}
		s.use(k)
	}
	if s.Found.Shares = f.Shares; set.Balance && f.Shares == nil {
		if s.Found.Shares, err = balance(ctx, dev, ranks, layers, in, set.Hyper, train.Len()); err != nil {
			return nil, err
		}
	}
	if err := s.Load(train, test); err != nil {
		return nil, err
	}
	loss, err := set.Loss(train)
	if err != nil {
		return nil, err
	}
	cfg := nn.TrainConfig{Hyper: set.Hyper, Augment: augment, Loss: loss, Shares: s.Found.Shares, MicroBatch: f.Micro,
		SettleEvery: set.CheckpointEvery.Steps,
		Schedule:    r.RateSchedule(set, set.Total(train.Len()))}
	if err := s.Train(cfg); err != nil {
		return nil, err
	}
	if err := s.Measure(cmp.Or(f.Test, set.Batch)); err != nil {
		return nil, err
	}
	return s, s.Evaluator.SetShards(set.Shards)
}

// use makes the network run on kernels.
func (s *Session) use(k nn.Kernels) {
	s.Net.Use(k)
	s.Found.Kernels = k
}

// Load uploads images to train on and images to test on; nil is none. The images
// that were there before, and what was planned on them, are given back.
func (s *Session) Load(train, test *data.Images) (err error) {
	s.unload()
	if train != nil {
		if s.TrainImages, err = upload(s.Net.Device(), train, "TrainImages"); err != nil {
			return err
		}
	}
	if test != nil {
		s.TestImages, err = upload(s.Net.Device(), test, "TestImages")
	}
	return err
}

// unload gives back all but the network.
func (s *Session) unload() {
	s.Trainer.Close()
	s.Evaluator.Close()
	s.TrainImages.Close()
	s.TestImages.Close()
	s.Trainer, s.Evaluator, s.TrainImages, s.TestImages = nil, nil, nil, nil
}

// upload is [nn.Upload] of the images that a setting counts.
func upload(dev *gpu.Device, set *data.Images, setting string) (*nn.Images, error) {
	images, err := nn.Upload(dev, set)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		err = nin.SettingError{Setting: setting,
			Problem: fmt.Sprintf("must be less: %d images of [%d,%d,%d] are too many", set.Len(), set.C, set.H, set.W),
			Err:     err}
	}
	return images, err
}

// Train plans training on the images that were loaded.
func (s *Session) Train(cfg nn.TrainConfig) (err error) {
	if s.Trainer, err = nn.NewTrainer(s.Net, s.TrainImages, cfg); err == nil {
		s.Found.Micro = s.Trainer.MicroBatch()
	}
	return err
}

// Test loads images and plans a test on them, batch of them at a time.
func (s *Session) Test(images *data.Images, batch int) error {
	if err := s.Load(nil, images); err != nil {
		return err
	}
	return s.Measure(batch)
}

// Measure plans a test on the images that were loaded, batch of them at a time: those
// to test on, or where there are none those to train on.
func (s *Session) Measure(batch int) (err error) {
	if s.Evaluator, err = nn.NewEvaluator(s.Net, cmp.Or(s.TestImages, s.TrainImages), batch); err == nil {
		s.Found.Test = s.Evaluator.Batch()
	}
	return err
}

// Close gives the device memory back. It may be called on nil.
func (s *Session) Close() {
	if s == nil {
		return
	}
	s.unload()
	s.Net.Close()
}
