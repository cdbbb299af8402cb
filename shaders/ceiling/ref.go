package ceiling

// ReadRef is the twin of [Memory.Read].
func (m Memory) ReadRef(a ReadArgs[[]float64]) {
	for i := range a.Y {
		a.Y[i] = 0
		for k := range turns {
			group, rest := i/(64*m.Lanes), i%(64*m.Lanes)
			a.Y[i] += a.X[(group*turns+k)*64*m.Lanes+rest]
		}
	}
}

// CopyRef is the twin of [Memory.Copy].
func (m Memory) CopyRef(a CopyArgs[[]float64]) { copy(a.Y, a.X) }

// BlendRef is the twin of [Memory.Blend].
func (m Memory) BlendRef(a BlendArgs[[]float64]) {
	for i := range a.Y {
		a.Y[i] = 0.75*a.A[i] + 0.25*a.B[i]
	}
}

// Ref is the twin of [FMA.Kernel].
func (f FMA) Ref(a FMAArgs[[]float64]) {
	for i := range a.Y {
		lane, part := i/4%64, i%4
		v := a.X[4*(1+lane%4):][:4]
		factor, term := a.X[0], v[3]
		a.Y[i] = 0
		for k := range f.Chains {
			s := v[part] + float64(k)
			for range 8 * f.Rounds {
				s = s*factor + term
			}
			a.Y[i] += s
		}
	}
}
