package augment

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, shaders.Batch]) {
	for n := range s.N {
		draw := func(i uint32) uint32 {
			return shaders.RandomBits(a.Batch.Seed, a.Batch.Step, 0, a.Batch.Row0+uint32(n), i)
		}
		down := int(draw(0)%uint32(2*s.Pad+1)) - s.Pad
		right := int(draw(1)%uint32(2*s.Pad+1)) - s.Pad
		mirror := s.Mirror && draw(2)%2 == 1
		for h := range s.H {
			for w := range s.W {
				row, col := h+down, w+right
				if mirror {
					col = s.W - 1 - w + right
				}
				for ch := range s.C {
					e := ((n*s.H+h)*s.W+w)*s.C + ch
					a.Y[e] = 0
					if row >= 0 && row < s.H && col >= 0 && col < s.W {
						a.Y[e] = a.X[((n*s.H+row)*s.W+col)*s.C+ch]
					}
				}
			}
		}
	}
}
