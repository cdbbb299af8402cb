// Package session puts a network on a device, together with its images, its trainer and its
// evaluator. Runs, studies and reports all use a session, so a network computes the same for each
// of them. For a run that leaves files, use package run.
//
// [Training] makes a session for a recipe. Here ctx is a context, dev a [gpu.Device], train and
// test are the images that data.Load returns, and must ends the program if there is an error:
//
//	recipe, err := nin.Find("mini")
//	must(err)
//	settings := recipe.Settings()
//	settings.Batch, settings.Steps = 32, 5
//	s, err := session.Training(ctx, dev, nil, recipe, settings, session.Found{}, nil, train, test)
//	must(err)
//	defer s.Close()
//	must(s.Net.Init(recipe.Init, settings.Seed))
//	for step, err := range s.Trainer.Steps(ctx) {
//		must(err)
//		log.Printf("step %d: loss %.3f", step.Step, step.Loss)
//	}
//	result, err := s.Evaluator.Run(ctx)
//	must(err)
//
// The first nil is for a single rank, and the second for no whitening of the images. [OfModel]
// makes a session with a trained network. The file nin/session/example_test.go is the whole
// program.
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

// Session is a network on a device. Parts that were not requested are nil.
type Session struct {
	Net         *nn.Net
	TrainImages *nn.Images
	TestImages  *nn.Images
	Trainer     *nn.Trainer
	Evaluator   *nn.Evaluator

	Found Found

	measured map[string]nn.Choice // by key
}

// Found is what a session has found out about the device and the images. The bits of a run depend
// on it.
type Found struct {
	Micro   int        `json:"micro_batch"`       // images that train at the same time
	Test    int        `json:"test_batch"`        // images that are evaluated at the same time
	Kernels nn.Kernels `json:"kernels,omitempty"` // the fastest measured; nil without tuning

	Shares []int `json:"shares,omitempty"` // of a batch, by the measured speed of each rank; nil for equal shares

	// Normalisation is the one that the setting Normalise requests; nil for none.
	Normalisation *data.Normalisation `json:"normalisation,omitempty"`
}

// New makes a session with a network on dev, for inputs of shape in, [C,H,W]. Its errors are those
// of [nn.NewNet].
func New(dev *gpu.Device, layers nn.Layer, in nn.Shape, options ...nn.NetOption) (*Session, error) {
	net, err := nn.NewNet(dev, layers, in, options...)
	if err != nil {
		return nil, err
	}
	return &Session{Net: net}, nil
}

// OfModel makes a session with a trained network on dev.
func OfModel(dev *gpu.Device, m *nin.Model) (*Session, error) {
	net, err := m.Net(dev)
	if err != nil {
		return nil, err
	}
	return &Session{Net: net}, nil
}

// Training makes a session with a recipe's network on dev, a trainer and an evaluator, as the
// settings of a run describe them. w whitens the images if the settings ask for whitening;
// otherwise it must be nil. f is what an earlier session of the run found, and is used again; the
// zero Found is none. ctx cancels the measurements for the settings Tune and Balance. If ranks is
// not nil, the session is on one of several ranks, and rank 0 tunes for all.
//
// A setting that does not fit the network, the images or the memory is a [nin.SettingError] or an
// [nn.RangeError].
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
		return nil, errors.New("want a whitening if and only if the setting Whiten is true; see data.FindWhitening")
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
			Problem: fmt.Sprintf("outputs %s; want one value a class: end it with globalavgpool, or with flatten; linear", out)}
	}
	if out.H*out.W == 1 && out.C != len(train.Classes) { // other shapes have no loss
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

// use makes the network run on the kernels k.
func (s *Session) use(k nn.Kernels) {
	s.Net.Use(k)
	s.Found.Kernels = k
}

// Load uploads images to train on and images to test on; nil means none. It first releases the
// earlier images, and the trainer and the evaluator that were planned for them.
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

// unload releases everything but the network.
func (s *Session) unload() {
	s.Trainer.Close()
	s.Evaluator.Close()
	s.TrainImages.Close()
	s.TestImages.Close()
	s.Trainer, s.Evaluator, s.TrainImages, s.TestImages = nil, nil, nil, nil
}

// upload calls [nn.Upload] for the images whose number is a setting. If the device lacks memory,
// the error names the setting.
func upload(dev *gpu.Device, set *data.Images, setting string) (*nn.Images, error) {
	images, err := nn.Upload(dev, set)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		err = nin.SettingError{Setting: setting,
			Problem: fmt.Sprintf("must be less: %d images of [%d,%d,%d] are too many", set.Len(), set.C, set.H, set.W),
			Err:     err}
	}
	return images, err
}

// Train makes the trainer for the loaded images. Errors: those of [nn.NewTrainer].
func (s *Session) Train(cfg nn.TrainConfig) (err error) {
	if s.Trainer, err = nn.NewTrainer(s.Net, s.TrainImages, cfg); err == nil {
		s.Found.Micro = s.Trainer.MicroBatch()
	}
	return err
}

// Test loads images and plans a test on them, batch images at a time.
func (s *Session) Test(images *data.Images, batch int) error {
	if err := s.Load(nil, images); err != nil {
		return err
	}
	return s.Measure(batch)
}

// Measure plans a test on the loaded images, batch images at a time. It uses the images to test on
// or, if there are none, those to train on.
func (s *Session) Measure(batch int) (err error) {
	if s.Evaluator, err = nn.NewEvaluator(s.Net, cmp.Or(s.TestImages, s.TrainImages), batch); err == nil {
		s.Found.Test = s.Evaluator.Batch()
	}
	return err
}

// Close releases the memory on the device. It may be called on nil.
func (s *Session) Close() {
	if s == nil {
		return
	}
	s.unload()
	s.Net.Close()
}
