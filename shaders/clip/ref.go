package clip

import (
	"math"

	"wgnin/shaders"
)

// NormsRef is the twin of [Shape.Norms].
func (s Shape) NormsRef(a NormsArgs[[]float64], first int) {
	clear(a.Part[2*first:][:2*s.Parts()])
	for i, v := range a.G {
		p := 2 * (first + i/4%s.Parts())
		if math.Abs(v) >= large {
			v *= down
			p++
		}
		a.Part[p] += v * v
	}
}

// FactorRef is the twin of [Shape.Factor].
func (s Shape) FactorRef(a FactorArgs[[]float64]) {
	sum := 0.0
	for p := 0; p < len(a.Part); p += 2 {
		sum += a.Part[p] + a.Part[p+1]/down/down
	}
	a.Factor[0] = min(1, float64(s.MaxNorm)/(math.Sqrt(sum)+float64(float32(eps))))
	for _, v := range a.Part {
		if shaders.Overflows(v) {
			a.Factor[0] = 1
		}
	}
}

// ScaleRef is the twin of [Shape.Scale].
func (s Shape) ScaleRef(a ScaleArgs[[]float64]) {
	for i := range a.G {
		a.G[i] *= a.Factor[0]
	}
}
