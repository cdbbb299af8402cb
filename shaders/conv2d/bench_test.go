package conv2d

import (
	"testing"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

// BenchmarkChapter runs each pass of the chapter's convolutions, and of one convolution with and
// without dilation, on 4 images, in every direct variant of the device. `cmd/nin bench` compares
// such rates with the adapter's ceilings.
func BenchmarkChapter(b *testing.B) {
	d := gputest.Device(b)
	for _, layer := range []struct {
		name string
		Shape
	}{
		{"conv1", raw(square(4, 1, 96, 224, 11, 4, 0))},
		{"conv1x1", square(4, 96, 96, 54, 1, 1, 0)},
		{"conv2", square(4, 96, 256, 26, 5, 1, 2)},
		{"conv3", square(4, 256, 384, 12, 3, 1, 1)},
		{"head", square(4, 384, 10, 5, 3, 1, 1)},
		{"plain", square(4, 64, 64, 28, 3, 1, 1)},
		{"dilated", dilated(square(4, 64, 64, 28, 3, 1, 2), 2, 2)},
	} {
		for p := range Pass(Passes) {
			if p == InputGradient && layer.InStride%4 != 0 {
				continue
			}
			for _, v := range layer.direct(d, p) {
				b.Run(layer.name+"/"+p.String()+"/"+v.String(), func(b *testing.B) {
					s := layer.sums(d)
					s.Variants[p] = v
					benchmark(b, d, s, p)
				})
			}
		}
	}
}

// benchmark reports the rate of a pass. Its operands are zero, which does not change the rate.
func benchmark(b *testing.B, d *gpu.Device, s Shape, p Pass) {
	buffer := func(values int) gpu.View { return checktest.Operand(b, d, values) }
	r := d.NewRecorder()
	x, y, w := buffer(s.In()), buffer(s.Out()), buffer(max(s.Weights(), s.Transposed()))
	switch p {
	case Forward:
		s.Forward(false).Record(r, ForwardArgs[gpu.View]{x, w, y})
	case InputGradient:
		s.DX().Record(r, DXArgs[gpu.View]{y, w, x})
	case WeightGradient:
		part, batch := buffer(s.Part()), buffer(shaders.BatchBytes/4)
		s.DW().Record(r, DWArgs[gpu.View]{x, y, part})
		s.DWSum().Record(r, DWSumArgs[gpu.View, gpu.View]{batch, part, w})
	}
	checktest.Benchmark(b, d, r, s.MACs())
}
