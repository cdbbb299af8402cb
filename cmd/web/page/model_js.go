package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"wgnin/nin"
	"wgnin/nin/netviz"
	"wgnin/nin/session"
)

// errNoWeights is the error of an action that needs weights before there are any.
var errNoWeights = errors.New("there are no weights yet: train, or choose a model.safetensors or model.onnx")

// isModel reports whether a file is a file of weights, by its name.
func isModel(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".safetensors" || ext == ".onnx"
}

// look shows the network of a file of weights, and makes the file the one to download.
func (p *page) look(name string) error {
	m, err := nin.ReadModel(name, "")
	if err != nil {
		return err
	}
	if err := m.Classifier(); err != nil {
		return fmt.Errorf("%s: %w; want a classifier", path.Base(name), err)
	}
	on, err := session.OfModel(p.dev, m)
	if err != nil {
		return err
	}
	p.closeRun()
	p.shown, p.model = on, name
	o := netviz.Options{Title: m.Recipe, Classes: m.Classes, Save: givePicture}
	if p.test != nil && m.Check(p.test) == nil {
		o.Images = p.test
	}
	if p.scene, err = netviz.New(on.Net, o); err == nil {
		p.rest("ready", map[string]any{"status": "The network of " + path.Base(name) + ". Draw or choose an image."})
	}
	return err
}

// download lets the user download the weights in the format.
func (p *page) download(format string) error {
	name := p.model
	if name == "" {
		return errNoWeights
	}
	if path.Ext(name) != "."+format {
		m, err := nin.ReadModel(name, "")
		if err != nil {
			return err
		}
		name = filesDir + "/export/model." + format
		if err := errors.Join(os.MkdirAll(path.Dir(name), 0o755), m.Export(name)); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(name)
	if err == nil {
		give("model."+format, content)
	}
	return err
}
