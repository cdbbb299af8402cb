package gather

import "wgnin/shaders"

// Ref is the twin of [Shape.Kernel].
func (s Shape) Ref(a Args[[]float64, []uint32, shaders.Batch]) {
	clear(a.Y)
	for n := range int(a.Batch.Rows) {
		image := int(a.Order[int(a.Batch.Offset)+n])
		copy(a.Y[n*s.K:][:s.K], a.Values[image*s.K:])
	}
}
