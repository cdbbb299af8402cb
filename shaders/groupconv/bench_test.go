package groupconv

import (
	"testing"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/shaders"
	"wgnin/shaders/checktest"
)

func square(n, c, out, groups, size, k, stride, dilation int) Shape {
	pad := (k - 1) * dilation / 2
	return Shape{N: n, InC: c, InStride: shaders.RoundUp(c, 4), OutC: out, Groups: groups,
		Window: shaders.Window{InH: size, InW: size, KH: k, KW: k, DilationH: dilation, DilationW: dilation,
			StrideH: stride, StrideW: stride, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad}}
}

// BenchmarkPasses runs each pass of grouped convolutions. A depthwise convolution is limited by
// memory. Its GB/s count x and y once, as for a copy, which `cmd/nin bench` measures.
func BenchmarkPasses(b *testing.B) {
	d := gputest.Device(b)
	for _, layer := range []struct {
		name string
		Shape
	}{
		{"depthwise3x3", square(4, 128, 128, 128, 56, 3, 1, 1)},
		{"depthwise3x3s2", square(4, 128, 128, 128, 56, 3, 2, 1)},
		{"depthwise5x5", square(4, 128, 128, 128, 28, 5, 1, 1)},
		{"depthwise7", square(16, 512, 512, 512, 7, 3, 1, 1)},
		{"multiplier2", square(4, 64, 128, 64, 56, 3, 1, 1)},
		{"resnext32x4d", square(4, 128, 128, 32, 56, 3, 1, 1)},
		{"alexnet2", square(4, 96, 256, 2, 27, 5, 1, 1)},
		{"dilated", square(4, 64, 64, 4, 28, 3, 1, 2)},
	} {
		for _, pass := range []string{"forward", "dx", "dw"} {
			b.Run(layer.name+"/"+pass, func(b *testing.B) { benchmark(b, d, layer.Shape, pass) })
		}
	}
}

// benchmark reports the rate of a pass. Its operands are zero, which does not change the rate.
func benchmark(b *testing.B, d *gpu.Device, s Shape, pass string) {
	buffer := func(values int) gpu.View { return checktest.Operand(b, d, values) }
	r := d.NewRecorder()
	x, y, w := buffer(s.In()), buffer(s.Out()), buffer(max(s.Weights(), s.Transposed()))
	switch pass {
	case "forward":
		s.Forward().Record(r, ForwardArgs[gpu.View]{x, w, y})
	case "dx":
		s.DX().Record(r, DXArgs[gpu.View]{y, w, x})
	case "dw":
		part, batch := buffer(s.Part()), buffer(shaders.BatchBytes/4)
		s.DW().Record(r, DWArgs[gpu.View]{x, y, part})
		s.DWSum().Record(r, DWSumArgs[gpu.View, gpu.View]{batch, part, w})
	}
	checktest.Benchmark(b, d, r, s.MACs())
	b.ReportMetric(float64(s.In()+s.Out())*4*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}
