package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"wgnin/nn/safetensors"
)

// blobs returns coloured images with correlated pixels, like photographs, and one flat image.
func blobs(n, h, w int) *Images {
	r := rand.New(rand.NewPCG(1, 2))
	s := &Images{Name: "blobs", C: 3, H: h, W: w, Classes: []string{"a", "b"}}
	for i := range n {
		y, x, f := r.Float64()*float64(h), r.Float64()*float64(w), 0.2+r.Float64()
		for range 3 {
			gain := 40 + 80*r.Float64()
			for row := range h {
				for col := range w {
					v := 127 + gain*math.Cos(f*math.Hypot(float64(row)-y, float64(col)-x)) + 5*r.NormFloat64()
					s.Pixels = append(s.Pixels, uint8(min(max(v, 0), 255)))
				}
			}
		}
		s.Labels = append(s.Labels, uint8(i%2))
	}
	for i := range 3 * h * w {
		s.Pixels[i] = 90
	}
	return s
}

// TestWhitening compares the fit with one by eigenvalues and eigenvectors. It also checks that it
// whitens: the covariance of the whitened images is diagonal, with the eigenvalue l/(l+0.1) where
// the covariance of the normalised images has l.
func TestWhitening(t *testing.T) {
	set := blobs(2500, 4, 5)
	var steps []int64
	white, err := FitWhitening(ctx, set, 4, 5, func(p LoadProgress) {
		assert.Equal(t, int64(3+inverseRootTerms), p.Total)
		steps = append(steps, p.Done)
	})
	require.NoError(t, err)
	assert.Len(t, steps, 3+inverseRootTerms)
	assert.IsIncreasing(t, steps)

	const n = 60
	moments := func(value func(i int) []float64) (mean []float64, cov *mat.SymDense) {
		mean, cov = make([]float64, n), mat.NewSymDense(n, nil)
		for i := range set.Len() {
			for e, v := range value(i) {
				mean[e] += v / float64(set.Len())
			}
		}
		for i := range set.Len() {
			d := mat.NewVecDense(n, value(i))
			d.SubVec(d, mat.NewVecDense(n, mean))
			cov.SymRankOne(cov, 1/float64(set.Len()), d)
		}
		return mean, cov
	}
	mean, cov := moments(func(i int) []float64 {
		g := make([]float64, n)
		size := 0.0
		for e, p := range set.Pixels[i*n:][:n] {
			g[e] = float64(p)
			size += float64(p) / n
		}
		norm := 0.0
		for e := range g {
			g[e] -= size
			norm += g[e] * g[e]
		}
		for e := range g {
			if norm > 0 {
				g[e] *= 55 / math.Sqrt(norm)
			}
		}
		return g
	})
	var eigen mat.EigenSym
	require.True(t, eigen.Factorize(cov, true))
	var vectors, want mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	d := mat.NewDiagDense(n, nil)
	for i, l := range values {
		d.SetDiag(i, 1/math.Sqrt(l+0.1))
	}
	want.Product(&vectors, d, vectors.T())
	for i := range n {
		assert.InDelta(t, mean[i], white.Mean[i], 1e-6)
		for j := range n {
			// Rounded to float32; the largest possible value is 1/sqrt(0.1).
			assert.InDelta(t, want.At(i, j), white.Matrix[i*n+j], 2.0/(1<<24))
		}
	}

	zero, after := moments(func(i int) []float64 { return white.Apply(set, i) })
	var whitened mat.EigenSym
	require.True(t, whitened.Factorize(after, false))
	for i, l := range whitened.Values(nil) {
		assert.InDelta(t, 0, zero[i], 1e-4)
		assert.InDelta(t, values[i]/(values[i]+0.1), l, 1e-5)
	}
}

// TestInverseRoot uses the largest condition number that CIFAR-10 can have.
func TestInverseRoot(t *testing.T) {
	const n = 9
	a := mat.NewSymDense(n, nil)
	for i := range n {
		a.SetSym(i, i, 0.1*math.Pow(30720, float64(i)/(n-1)))
	}
	root, err := inverseRoot(a, 0.1, func(int) error { return nil })
	require.NoError(t, err)
	for i := range n {
		assert.InEpsilon(t, 1/math.Sqrt(a.At(i, i)), root.At(i, i), 1e-8)
	}
}

// TestWhitenedLoad checks that the second call takes the whitening from the cache, unless that is
// damaged.
func TestWhitenedLoad(t *testing.T) {
	_, cache := nowhere(t)
	opt := LoadOptions{Dir: small, H: 8, W: 10}
	found := false
	opt.Progress = func(p LoadProgress) { found = true }
	load := func() *Whitening {
		train, _, err := Load(ctx, "fashion-mnist", opt)
		require.NoError(t, err)
		found = false
		w, err := FindWhitening(ctx, train, opt)
		require.NoError(t, err)
		return w
	}
	first := load()
	require.True(t, found)
	assert.Equal(t, []int{1, 8, 10}, []int{first.C, first.H, first.W})
	assert.Equal(t, first, load())
	assert.False(t, found)

	files, err := filepath.Glob(filepath.Join(cache, "nin", "whitening", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	write(t, files[0], b[:len(b)-4])
	assert.Equal(t, first, load())
	assert.True(t, found)
	again, err := ReadWhitening(files[0])
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, first.Hash(), again.Hash())
	again.Matrix[5]++
	assert.NotEqual(t, first.Hash(), again.Hash())

	opt.H = 12
	assert.NotEqual(t, first.Mean, load().Mean)
}

func TestWhiteningRefuses(t *testing.T) {
	for _, size := range [][2]int{{224, 224}, {3, 3}} {
		_, err := FitWhitening(ctx, blobs(1, 2, 2), size[0], size[1], nil)
		assert.ErrorContains(t, err, "want at most 4096, and a multiple of 4")
	}
	_, err := FitWhitening(ctx, &Images{C: 1}, 2, 2, nil)
	assert.ErrorContains(t, err, "needs images")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err = FitWhitening(ctx, blobs(1, 2, 2), 2, 2, nil)
	assert.ErrorIs(t, err, context.Canceled)
	file := filepath.Join(t.TempDir(), "w.safetensors")
	_, err = ReadWhitening(file)
	assert.ErrorIs(t, err, os.ErrNotExist)
	good := func() *Whitening { return &Whitening{1, 2, 2, make([]float32, 4), make([]float32, 16)} }
	for says, change := range map[string]func(w *Whitening){
		"matrix[9] is NaN":         func(w *Whitening) { w.Matrix[9] = float32(math.NaN()) },
		"mean[3] is -Inf":          func(w *Whitening) { w.Mean[3] = float32(math.Inf(-1)) },
		"[0,2,2]; want 1 to 65536": func(w *Whitening) { w.C, w.Mean, w.Matrix = 0, nil, nil },
		"3 values; want at most 4096": func(w *Whitening) {
			w.H, w.W, w.Mean, w.Matrix = 1, 3, w.Mean[:3], w.Matrix[:9]
		},
		"a matrix of 25; want 4 and 16":   func(w *Whitening) { w.Matrix = make([]float32, 25) },
		"w.safetensors: not a whitening;": nil,
	} {
		w := good()
		if change == nil {
			require.NoError(t, safetensors.Write(file, w.tensors()[:1], nil))
		} else {
			change(w)
			n := int(math.Sqrt(float64(len(w.Matrix))))
			tensors := w.tensors()
			tensors[1].Shape = []int{n, n}
			require.NoError(t, safetensors.Write(file, tensors, nil))
		}
		_, err = ReadWhitening(file)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, file)
	}
	require.NoError(t, good().Write(file))
	_, err = ReadWhitening(file)
	assert.NoError(t, err)
}

// FuzzWhitening checks that accepted tensors of a file have a finite matrix of the right size for
// the images.
func FuzzWhitening(f *testing.F) {
	f.Add("mean", 1, 2, 2, make([]byte, 4*4), make([]byte, 4*16))
	f.Add("mean", 4, 1, 1, bytes.Repeat([]byte{0x7f}, 4*4), bytes.Repeat([]byte{0xff}, 4*16))
	f.Add("matrix", -1, -2, 2, make([]byte, 4*4), make([]byte, 4*16))
	f.Add("mean", 0, 1<<62, 4, []byte(nil), []byte(nil))
	values := func(b []byte) []float32 {
		v := make([]float32, len(b)/4)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return v
	}
	f.Fuzz(func(t *testing.T, name string, c, h, w int, mean, matrix []byte) {
		white, err := newWhitening([]safetensors.Tensor{{Name: name, Shape: []int{c, h, w}, Data: values(mean)},
			{Name: "matrix", Data: values(matrix)}})
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		n := white.C * white.H * white.W
		require.Positive(t, n)
		require.Len(t, white.Mean, n)
		require.Len(t, white.Matrix, n*n)
		for _, v := range slices.Concat(white.Mean, white.Matrix) {
			require.Zero(t, v-v)
		}
	})
}
