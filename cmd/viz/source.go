package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"path/filepath"
	"time"

	"wgnin/gpu"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/files"
	"wgnin/viz"
)

// source lets a scene show what probe keeps of net. The samples are those of
// set, which may be nil; pictures that the user saves go to dir.
func source(dev *gpu.Device, title string, probe *nn.Probe, set *data.Images, classes []string, dir string) viz.Source {
	in := probe.Input
	src := viz.Source{
		Title: title, Classes: classes, CAM: -1,
		Input:   viz.Tensor{Data: in.Data, Shape: [4]int{1, in.C, in.H, in.W}, Stride: [4]int{0, 1, in.W * in.Stride, in.Stride}},
		Canvas:  image.Pt(in.W, in.H),
		Forward: probe.Run,
	}
	signed := false // activations may be negative
	for i, l := range probe.Layers {
		y := l.Output
		if len(l.Weights) > 0 {
			signed = true
		}
		if _, ok := l.Layer.(nn.GlobalAvgPool2D); ok && i > 0 && y.C == len(classes) {
			src.CAM = i - 1
		}
		if _, relu := l.Layer.(nn.ReLU); relu || l.ReLU {
			signed = false
		}
		show := func(v gpu.View, signed bool) viz.Tensor {
			return viz.Tensor{Data: v, Shape: [4]int{y.C, 1, y.H, y.W}, Stride: [4]int{1, 0, y.W * y.Stride, y.Stride}, Signed: signed}
		}
		weights := func(v gpu.View) viz.Tensor {
			return viz.Tensor{Data: v, Shape: l.WeightShape, Stride: l.WeightStride, Signed: true}
		}
		src.Layers = append(src.Layers, viz.Layer{
			Name: l.Path, Kind: l.String(), Activation: show(y.Data, signed), Gradient: show(y.Grad, true),
			Weights: weights(l.Weight), WeightGradient: weights(l.WeightGrad),
		})
	}
	label := 0 // of the last sample: gradients for an image of the user's own are of the loss with this class
	if set != nil && set.Len() > 0 {
		src.Samples, src.Canvas = set.Len(), image.Pt(set.W, set.H)
		src.Sample = func(i int) (int, error) {
			label = set.Label(i)
			return label, probe.SetImage(set, i)
		}
	}
	src.SetPixels = func(pixels []uint8, w, h int) error { return probe.SetPixels(pixels, h, w, label) }
	src.Save = func(img *image.RGBA) (string, error) {
		name := filepath.Join(dir, time.Now().Format("viz-20060102-150405.000.png"))
		return name, writePNG(name, img)
	}
	return src
}

// writePNG writes img at path, whole or not at all.
func writePNG(path string, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return files.Write(path, b.Bytes())
}
