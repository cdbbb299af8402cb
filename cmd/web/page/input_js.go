package main

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"syscall/js"

	"wgnin/nin/netviz"
	"wgnin/nn/data"
	"wgnin/viz"
)

// errNoNetwork is the error for an image before there is a network.
var errNoNetwork = errors.New("there is no network yet: press Start, or choose a model.safetensors or model.onnx")

// answer is the text on the page about the input and the network's answer.
type answer struct {
	given        string // the name of the user's own image
	input, class string
	classes      []viz.Class
}

// picture makes the image in the page's square, a drawing or a picture of the camera, the input.
func (p *page) picture(m js.Value) error {
	defer post(map[string]any{"taken": true}) // lets the page send the next image
	if p.scene == nil {
		return errNoNetwork
	}
	img := image.NewNRGBA(image.Rect(0, 0, m.Get("width").Int(), m.Get("height").Int()))
	js.CopyBytesToGo(img.Pix, m.Get("bytes"))
	im, err := data.FromImage(img, p.scene.Probe.Input.C)
	if err != nil {
		return err
	}
	p.given = m.Get("name").String()
	return p.scene.SetImage(im.Pixels, im.W, im.H)
}

// listed is the number of classes whose probabilities the page shows.
const listed = 5

// tell updates the text of the page about what the scene shows. The line that screen readers read
// aloud has no probabilities, so that they do not speak at every step of a training.
func (a *answer) tell(scene *netviz.Scene) {
	shown := scene.Shown()
	input := "No image yet"
	switch {
	case shown.Own:
		input = cmp.Or(a.given, "Your image")
	case shown.Sample >= 0:
		input = fmt.Sprintf("Test image %d", shown.Sample)
	}
	if shown.Truth != "" {
		input += ", " + shown.Truth
	}
	if class := shown.Classes[0].Name; input != a.input || class != a.class {
		a.input, a.class = input, class
		post(map[string]any{"text": map[string]any{"input": input, "answer": class}})
	}
	classes := shown.Classes[:min(listed, len(shown.Classes))]
	if slices.Equal(classes, a.classes) {
		return
	}
	a.classes = classes
	var list []any
	for _, c := range classes {
		list = append(list, []any{c.Name, c.Probability})
	}
	post(map[string]any{"classes": list})
}

// plain returns the text of err without the folders of the page's files.
func plain(err error) string {
	return strings.NewReplacer(newDir+"/", "", filesDir+"/", "").Replace(err.Error())
}
