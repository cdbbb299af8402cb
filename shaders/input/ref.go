package input

import "wgnin/shaders"

// Ref is the twin of [Config.Kernel].
func (c Config) Ref(a Args[[]float64, []uint32, []int32, shaders.Batch]) {
	clear(a.X)
	clear(a.Target_)
	planes := make([]uint8, c.C*c.InH*c.InW)
	for n := range int(a.Batch.Rows) {
		image := int(a.Order[int(a.Batch.Offset)+n]) - c.First
		if image < 0 || image >= c.Count {
			continue
		}
		a.Target_[n] = uint32(byteAt(a.Labels, image))
		for i := range planes {
			planes[i] = byteAt(a.Pixels, image*len(planes)+i)
		}
		resized := c.resize(planes, a.Taps)
		for h := range c.OutH {
			for w := range c.OutW {
				for ch := range c.C {
					a.X[((n*c.OutH+h)*c.OutW+w)*c.C+ch] = float64(resized[(ch*c.OutH+h)*c.OutW+w]) / 255
				}
			}
		}
	}
}

func byteAt(words []uint32, i int) uint8 { return uint8(words[i/4] >> (8 * (i % 4))) }

// Resize resizes one image on the host, [C,InH,InW] to [C,OutH,OutW], to the same bits as the kernel and as Pillow's
// Image.resize(size, BILINEAR).
func (c Config) Resize(planes []uint8) []uint8 { return c.resize(planes, c.Taps()) }

// resize makes two passes with an 8-bit image between them, as Pillow does it.
func (c Config) resize(planes []uint8, taps []int32) []uint8 {
	across, down := c.consts().TapsW, c.consts().TapsH
	columns := taps[c.OutW*across:]
	narrow := make([]uint8, c.InH*c.OutW) // rows resized, columns not yet
	resized := make([]uint8, 0, c.C*c.OutH*c.OutW)
	for ch := range c.C {
		for h := range c.InH {
			row := planes[(ch*c.InH+h)*c.InW:][:c.InW]
			for w := range c.OutW {
				narrow[h*c.OutW+w] = resample(taps[w*across:], row, 1)
			}
		}
		for h := range c.OutH {
			for w := range c.OutW {
				resized = append(resized, resample(columns[h*down:], narrow[w:], c.OutW))
			}
		}
	}
	return resized
}

// resample is the sum of pixels, stride apart, that the list of taps begins with.
func resample(taps []int32, pixels []uint8, stride int) uint8 {
	first := int(taps[0])
	sum := int64(1) << (bits - 1)
	for i, weight := range taps[2:][:taps[1]] {
		sum += int64(pixels[(first+i)*stride]) * int64(weight)
	}
	return uint8(min(max(sum>>bits, 0), 255))
}
