package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"wgnin/cmd/internal/cli"
	"wgnin/cmd/internal/runflags"
	"wgnin/gpu"
	"wgnin/nin"
	"wgnin/nin/session"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/nearest"
	"wgnin/viz"
	"wgnin/viz/window"
)

// show is a scene, and the window that it is in, if there is one.
type show struct {
	opt   options
	dev   *gpu.Device
	win   *window.Window // nil without one
	probe *nn.Probe
	scene *viz.Scene
}

// open opens the window, if one is wanted, and a device that can draw in it.
func open(adapter string, opt options) (_ *show, err error) {
	s := &show{opt: opt}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := errors.Join(cli.File("screenshot", opt.screenshot, ".png"), cli.File("record", opt.record, ".gif")); err != nil {
		return nil, err
	}
	gpuOptions := gpu.Options{Adapter: adapter}
	if !opt.headless() {
		if s.win, err = window.Open("nin", opt.size.width, opt.size.height); err != nil {
			return nil, windowless(err)
		}
		gpuOptions.Window, gpuOptions.Idle = s.win.Handle(), s.win.Poll
	}
	if s.dev, err = cli.Open(gpuOptions, false); errors.Is(err, gpu.ErrNoPresent) {
		err = windowless(err)
	}
	return s, err
}

// windowless names the way to see something without a window.
func windowless(err error) error {
	return fmt.Errorf("%w; -screenshot FILE.png and -record FILE.gif need no window", err)
}

func (s *show) close() {
	s.scene.Close()
	s.probe.Close()
	_ = s.dev.Close()
	if s.win != nil {
		s.win.Close()
	}
}

// begin makes the scene of net, with the input that the flags ask for.
func (s *show) begin(net *nn.Net, title string, set *data.Images, classes []string, dir string, history int64) (err error) {
	if s.probe, err = nn.NewProbe(net); err != nil {
		return err
	}
	src := source(s.dev, title, s.probe, set, classes, dir)
	src.History = history
	if s.scene, err = viz.NewScene(s.dev, src); err != nil {
		return err
	}
	if name := s.opt.layer; name != "" && s.scene.SetLayer(name) != nil {
		var names []string
		for _, l := range src.Layers {
			names = append(names, l.Name)
		}
		return fmt.Errorf("there is no layer %q; %s", name, nearest.Hint(name, names))
	}
	switch {
	case s.opt.image != "":
		if err := s.setImage(s.opt.image); err != nil {
			return err
		}
	case s.opt.sample > 0: // the scene begins with 0
		if err := s.scene.SetSample(s.opt.sample); err != nil {
			return err
		}
	}
	if err := s.probe.Finite(); err != nil {
		return err
	}
	if s.win != nil {
		s.win.Drop = func(path string) {
			if err := s.setImage(path); err != nil {
				s.scene.Say(err.Error())
			}
		}
		s.win.Show(s.dev, s.scene)
		_, err = s.win.Frame(false) // the first step may take long
	}
	return err
}

// setImage makes the image in a file the input.
func (s *show) setImage(path string) error {
	img, err := data.ReadImage(path, s.probe.Input.C)
	if err != nil {
		return err
	}
	if err := s.scene.SetImage(img.Pixels, img.W, img.H); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := s.probe.Finite(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
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
	return writePNG(s.opt.screenshot, img)
}

// enough says that the user, or -frames, wants the window closed.
func (s *show) enough() bool {
	n, _, _ := s.win.Frames()
	return s.win.Closed() || s.opt.frames > 0 && n >= s.opt.frames
}

// stay shows the scene until the window is closed or ctx is done.
func (s *show) stay(ctx context.Context) error {
	for ctx.Err() == nil && !s.enough() {
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
	}
	on, err := session.OfModel(s.dev, m)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := s.begin(on.Net, cmp.Or(m.Recipe, "a network")+" on "+s.dev.Adapter().Name, set, m.Classes, ".", 0); err != nil {
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

// recordModel films the layers, or the samples on one layer.
func (s *show) recordModel(ctx context.Context) error {
	frames, next := s.opt.frames, viz.KeyLayerDown
	if s.opt.layer != "" {
		next = viz.KeyNextSample
	}
	if frames == 0 {
		frames = len(s.probe.Layers)
	}
	var f film
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
		f.add(img, 100)
	}
	return s.write(&f)
}

// write writes a film.
func (s *show) write(f *film) error {
	fmt.Println("film    ", s.opt.record)
	return f.write(s.opt.record)
}

// report prints, with -v, what drawing in the window took.
func (s *show) report() {
	if s.win == nil || !s.opt.verbose {
		return
	}
	if n, each, share := s.win.Frames(); n > 0 {
		fmt.Printf("drawing  %d pictures, %s each, %.1f %% of the time\n", n, each.Round(100*time.Microsecond), 100*share)
	}
}
