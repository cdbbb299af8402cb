package input

import "wgnin/shaders"

// Ref is the twin of [Config.Kernel]: two passes with an 8-bit image between
// them, as Pillow does it.
func (c Config) Ref(a Args[[]float64, []uint32, []int32, shaders.Batch]) {
	clear(a.X)
	clear(a.Target_)
	row, col := c.consts().TapsW, c.consts().TapsH
	for n := range int(a.Batch.Rows) {
		image := int(a.Order[int(a.Batch.Offset)+n]) - c.First
		if image < 0 || image >= c.Count {
			continue
		}
		a.Target_[n] = uint32(byteAt(a.Labels, image))
		for ch := range c.C {
			narrow := make([]uint8, c.InH*c.OutW) // rows resized, columns not yet
			for h := range c.InH {
				for w := range c.OutW {
					t := a.Taps[w*row:][:row]
					narrow[h*c.OutW+w] = resample(t, func(i int) uint8 {
						return byteAt(a.Pixels, ((image*c.C+ch)*c.InH+h)*c.InW+i)
					})
				}
			}
			for h := range c.OutH {
				for w := range c.OutW {
					t := a.Taps[c.OutW*row+h*col:][:col]
					v := resample(t, func(i int) uint8 { return narrow[i*c.OutW+w] })
					a.X[((n*c.OutH+h)*c.OutW+w)*c.C+ch] = float64(v) / 255
				}
			}
		}
	}
}

func byteAt(words []uint32, i int) uint8 { return uint8(words[i/4] >> (8 * (i % 4))) }

func resample(t []int32, pixel func(i int) uint8) uint8 {
	sum := int64(1) << (bits - 1)
	for i := range int(t[1]) {
		sum += int64(pixel(int(t[0])+i)) * int64(t[2+i])
	}
	return uint8(min(max(sum>>bits, 0), 255))
}
