package main

import (
	"errors"
	"fmt"
	"os"
	"path"

	"wgnin/nin"
	"wgnin/nin/netviz"
	"wgnin/nin/session"
)

// look shows the network of a file of weights, which Download then gives back.
func (p *page) look(name string) error {
	m, err := nin.ReadModel(name, "")
	if err != nil {
		return err
	}
	if err := m.Classifier(); err != nil {
		return fmt.Errorf("%s: %w, which is what is shown", path.Base(name), err)
	}
	on, err := session.OfModel(p.dev, m)
	if err != nil {
		return err
	}
	p.closeRun()
	p.shown, p.model = on, name
	p.scene, err = netviz.New(on.Net, netviz.Options{Title: m.Recipe, Classes: m.Classes, Save: givePicture})
	if err == nil {
		p.rest("ready", map[string]any{"status": "The network of " + path.Base(name) + ". Draw or drop an image."})
	}
	return err
}

// download gives the weights to the user, as a file of the format.
func (p *page) download(format string) error {
	name := p.model
	if name == "" {
		return errors.New("there are no weights yet: train, or choose a model.safetensors")
	}
	if format == "onnx" {
		m, err := nin.ReadModel(name, "")
		if err != nil {
			return err
		}
		name = filesDir + "/model.onnx"
		if err := errors.Join(os.MkdirAll(filesDir, 0o755), m.Export(name)); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(name)
	if err == nil {
		give("model."+format, content)
	}
	return err
}
