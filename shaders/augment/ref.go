package augment

import "wgnin/shaders"

// Ref is the twin of [Kernel].
func (c Config) Ref(a Args[[]float64, shaders.Batch]) {
	for n := range c.N {
		draw := func(i uint32) uint32 {
			return shaders.RandomBits(a.Batch.Seed, a.Batch.Step, 0, a.Batch.Row0+uint32(n), i)
		}
		down := int(draw(0)%uint32(2*c.Pad+1)) - c.Pad
		right := int(draw(1)%uint32(2*c.Pad+1)) - c.Pad
		mirror := c.Mirror && draw(2)%2 == 1
		for h := range c.H {
			for w := range c.W {
				r, s := h+down, w+right
				if mirror {
					s = c.W - 1 - w + right
				}
				for ch := range c.C {
					e := ((n*c.H+h)*c.W+w)*c.C + ch
					a.Y[e] = 0
					if r >= 0 && r < c.H && s >= 0 && s < c.W {
						a.Y[e] = a.X[((n*c.H+r)*c.W+s)*c.C+ch]
					}
				}
			}
		}
	}
}
