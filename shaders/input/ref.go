package input

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, []uint32, []int32, shaders.Batch]) {
	clear(a.X)
	clear(a.Target_)
	planes := make([]uint8, s.C*s.InH*s.InW)
	for n := range int(a.Batch.Rows) {
		image := int(a.Order[int(a.Batch.Offset)+n]) - s.First
		if image < 0 || image >= s.Count {
			continue
		}
		a.Target_[n] = a.Labels[image/2] >> (16 * (image % 2)) & 65535
		for i := range planes {
			planes[i] = byteAt(a.Pixels, image*len(planes)+i)
		}
		resized := s.bilinear().ResizeWith(planes, a.Taps)
		for h := range s.OutH {
			for w := range s.OutW {
				for ch := range s.C {
					a.X[((n*s.OutH+h)*s.OutW+w)*s.C+ch] = float64(resized[(ch*s.OutH+h)*s.OutW+w]) / 255
				}
			}
		}
	}
}

func byteAt(words []uint32, i int) uint8 { return uint8(words[i/4] >> (8 * (i % 4))) }
