package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/netviz"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/files"
	"wgnin/nn/nearest"
	"wgnin/viz"
	"wgnin/viz/window"
)

// show is a scene, and the window that shows it, if there is one.
type show struct {
	opt   options
	dev   *gpu.Device
	win   *limited // nil without one
	scene *netviz.Scene
}

// limited is a window that -frames may also close.
type limited struct {
	*window.Window
	frames int // 0 for no limit
}

// Closed reports whether the user, or -frames, wants the window closed.
func (w *limited) Closed() bool {
	n, _, _ := w.Frames()
	return w.Window.Closed() || w.frames > 0 && n >= w.frames
}

// open opens the window, if one is wanted, and a device that can draw in it.
func open(adapter string, opt options) (_ *show, err error) {
	s := &show{opt: opt}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := errors.Join(cli.File("screenshot", opt.screenshot, ".png"),
		cli.File("record", opt.record, ".gif")); err != nil {
		return nil, err
	}
	gpuOptions := gpu.Options{Adapter: adapter}
	if !opt.headless() {
		win, err := window.Open("nin", opt.size.width, opt.size.height)
		if err != nil {
			return nil, windowless(err)
		}
		s.win = &limited{win, opt.frames}
		gpuOptions.Window, gpuOptions.Idle = s.win.Handle(), s.win.Poll
	}
	if s.dev, err = cli.Open(gpuOptions, false); errors.Is(err, gpu.ErrNoPresent) {
		err = windowless(err)
	}
	return s, err
}

// windowless adds advice to an error: how to make pictures without a window.
func windowless(err error) error {
	return fmt.Errorf("%w; -screenshot FILE.png and -record FILE.gif need no window", err)
}

func (s *show) close() {
	s.scene.Close()
	_ = s.dev.Close()
	if s.win != nil {
		s.win.Close()
	}
}

// begin makes the scene of net, with the input that the flags ask for.
func (s *show) begin(net *nn.Net, o netviz.Options) (err error) {
	if s.scene, err = netviz.New(net, o); err != nil {
		return err
	}
	if name := s.opt.layer; name != "" && s.scene.SetLayer(name) != nil {
		var names []string
		for _, l := range s.scene.Probe.Layers {
			names = append(names, l.Path)
		}
		return cli.Usage(fmt.Errorf("there is no layer %q; %s", name, nearest.Hint(name, names)))
	}
	switch {
	case s.opt.image != "":
		if err := s.scene.SetFile(s.opt.image); err != nil {
			return err
		}
	case s.opt.sample > 0: // the scene begins with 0
		if n := o.Images.Len(); s.opt.sample >= n {
			return cli.Usage(fmt.Errorf("-sample is %d; want 0 to %d", s.opt.sample, n-1))
		}
		if err := s.scene.SetSample(s.opt.sample); err != nil {
			return err
		}
	}
	if err := s.scene.Probe.Finite(); err != nil {
		return err
	}
	if s.win != nil {
		s.win.Drop = func(path string) {
			if err := s.scene.SetFile(path); err != nil {
				s.scene.Say(err.Error())
			}
		}
		s.win.Show(s.scene.Scene)
		_, err = s.win.Frame(false) // before the first step, which may take long
	}
	return err
}

// picture draws the scene as it is.
func (s *show) picture() (*image.RGBA, error) {
	return s.scene.Image(s.opt.size.width, s.opt.size.height, 1)
}

// screenshot writes one picture.
func (s *show) screenshot() error {
	img, err := s.picture()
	if err != nil {
		return err
	}
	fmt.Println("picture ", s.opt.screenshot)
	return files.WritePNG(s.opt.screenshot, img)
}

// stay shows the scene until the window is closed or ctx is done.
func (s *show) stay(ctx context.Context) error {
	for ctx.Err() == nil && !s.win.Closed() {
		if _, err := s.win.Frame(false); err != nil {
			return err
		}
		s.win.Wait()
	}
	return nil
}

// look shows a trained network.
func look(ctx context.Context, flags *runflags.Flags, opt options) error {
	m, err := nin.ReadModel(opt.model, flags.Recipe())
	if err != nil {
		return err
	}
	if how := flags.Settings(nin.Settings{}).Normalise; how != "" {
		if err := m.Normalise(how); err != nil {
			return cli.Usage(err)
		}
	}
	if err := m.Classifier(); err != nil {
		return fmt.Errorf("%s: %w; want a classifier", opt.model, err)
	}
	s, err := open(*flags.Adapter, opt)
	if err != nil {
		return err
	}
	defer s.close()
	var set *data.Images
	if opt.image == "" {
		if set, err = flags.TestImages(ctx, m); err != nil {
			return err
		}
		if err := m.Check(set); err != nil {
			return err
		}
	}
	on, err := session.OfModel(s.dev, m)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := s.begin(on.Net, netviz.Options{Title: m.Recipe, Images: set, Classes: m.Classes}); err != nil {
		return err
	}
	switch {
	case opt.screenshot != "":
		return s.screenshot()
	case opt.record != "":
		return s.recordModel(ctx)
	}
	err = s.stay(ctx)
	s.report()
	return err
}

// recordModel films one layer after another or, with -layer, one sample after another.
func (s *show) recordModel(ctx context.Context) error {
	frames, next := s.opt.frames, viz.KeyLayerDown
	if s.opt.layer != "" {
		next = viz.KeyNextSample
	}
	if frames == 0 {
		frames = len(s.scene.Probe.Layers)
	}
	var f viz.Film
	for i := range frames {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if i > 0 {
			s.scene.Key(next)
		}
		img, err := s.picture()
		if err != nil {
			return err
		}
		f.Add(img, 100)
	}
	return s.write(&f)
}

// write writes a film.
func (s *show) write(f *viz.Film) error {
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		return fmt.Errorf("-record: no steps were left to train: %w", err)
	}
	fmt.Println("film    ", s.opt.record)
	return files.Write(s.opt.record, b.Bytes())
}

// report prints, with -v, the time that drawing in the window took.
func (s *show) report() {
	if s.win == nil || !s.opt.verbose {
		return
	}
	if n, each, share := s.win.Frames(); n > 0 {
		fmt.Printf("drawing  %d pictures, %s each, %.1f %% of the time\n", n, each.Round(100*time.Microsecond),
			100*share)
	}
}
