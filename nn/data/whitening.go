package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"

	"wgnin/nn/safetensors"
	"wgnin/shaders/gcn/contrast"
	"wgnin/shaders/input/pillow"
)

// Whitening is the preprocessing of CIFAR-10 in the paper: global contrast normalisation, then ZCA
// whitening. It follows Goodfellow et al., "Maxout Networks", 2013, as in pylearn2
// (make_cifar10_gcn_whitened.py).
//
//	g = 55 (x - mean of x) / ||x - mean of x||
//	y = (covariance of g + 0.1 I)^(-1/2) (g - mean of g)
//
// where x is one image, and the mean and the covariance of g are over all training images. Most
// values of y are between -3 and 3.
type Whitening struct {
	C, H, W int
	Mean    []float32 // [C,H,W], of g
	Matrix  []float32 // [C*H*W,C*H*W], symmetric
}

const (
	whiteningBias = 0.1

	// maxWhitened limits the number of values of an image. The matrix grows with its square, and
	// the time of the fit with its cube.
	maxWhitened = 4096

	// whiteningFormat is part of the cache's key.
	whiteningFormat = 1
)

// CheckWhitening returns an error for images that cannot be whitened. The number of their values
// must be a multiple of 4, because the device reads values in fours.
func CheckWhitening(c, h, w int) error {
	if min(c, h, w) < 1 || max(c, h, w) > 1<<16 {
		return fmt.Errorf("whitening images of [%d,%d,%d]; want 1 to %d of each", c, h, w, 1<<16)
	}
	if n := c * h * w; n > maxWhitened || n%4 != 0 {
		return fmt.Errorf("whitening images of [%d,%d,%d], %d values; want at most %d, and a multiple of 4", c, h, w, n,
			maxWhitened)
	}
	return nil
}

// BlankWhitening returns a Whitening of that shape that makes every image zero. Its errors are
// those of [CheckWhitening].
func BlankWhitening(c, h, w int) (*Whitening, error) {
	if err := CheckWhitening(c, h, w); err != nil {
		return nil, err
	}
	n := c * h * w
	return &Whitening{c, h, w, make([]float32, n), make([]float32, n*n)}, nil
}

// FitWhitening computes the whitening of a set whose images are resized to h rows of w pixels. For
// CIFAR-10 it takes minutes and half a gigabyte. It calls progress, if that is not nil, after each
// step. Errors: those of [CheckWhitening], a set without images, and ctx's error when ctx is done.
func FitWhitening(ctx context.Context, set *Images, h, w int, progress func(LoadProgress)) (*Whitening, error) {
	white, err := BlankWhitening(set.C, h, w)
	if err != nil {
		return nil, err
	}
	if set.Len() == 0 {
		return nil, errors.New("whitening needs images")
	}
	const block = 1000 // images at a time
	blocks := (set.Len() + block - 1) / block
	step := func(i int) error {
		if progress != nil {
			progress(LoadProgress{"find the whitening of " + set.Name, int64(i), int64(blocks + inverseRootTerms),
				"steps"})
		}
		return ctx.Err()
	}
	n := len(white.Mean)
	mean := make([]float64, n)
	cov := mat.NewSymDense(n, nil)
	images := mat.NewDense(min(block, set.Len()), n, nil)
	for i := range blocks {
		if err := step(i); err != nil {
			return nil, err
		}
		first := i * block
		g := images.Slice(0, min(block, set.Len()-first), 0, n).(*mat.Dense)
		for j := range g.RawMatrix().Rows {
			white.normalise(g.RawRowView(j), set, first+j)
			floats.Add(mean, g.RawRowView(j))
		}
		cov.SymRankK(cov, 1, g.T())
	}
	scale := 1 / float64(set.Len())
	floats.Scale(scale, mean)
	cov.ScaleSym(scale, cov)
	cov.SymRankOne(cov, -1, mat.NewVecDense(n, mean))
	for i := range n {
		cov.SetSym(i, i, cov.At(i, i)+whiteningBias)
	}
	root, err := inverseRoot(cov, whiteningBias, func(term int) error { return step(blocks + term) })
	if err != nil {
		return nil, err
	}
	for i := range n {
		white.Mean[i] = float32(mean[i])
		for j := range n {
			white.Matrix[i*n+j] = float32(root.At(i, j))
		}
	}
	return white, nil
}

// normalise writes image i of the set to g, resized and with its contrast normalised.
func (w *Whitening) normalise(g []float64, set *Images, i int) {
	size := set.C * set.H * set.W
	pixels := set.Pixels[i*size:][:size]
	if set.H != w.H || set.W != w.W {
		pixels = pillow.Bilinear{C: set.C, InH: set.H, InW: set.W, OutH: w.H, OutW: w.W}.Resize(pixels)
	}
	for e, p := range pixels {
		g[e] = float64(p) / 255
	}
	contrast.Normalise(g, g)
}

// Apply whitens image i of a set on the host and returns it as [C,H,W].
func (w *Whitening) Apply(set *Images, i int) []float64 {
	n := len(w.Mean)
	g := make([]float64, n)
	w.normalise(g, set, i)
	for e := range g {
		g[e] -= float64(w.Mean[e])
	}
	y := make([]float64, n)
	for e := range y {
		for f, v := range w.Matrix[e*n:][:n] {
			y[e] += float64(v) * g[f]
		}
	}
	return y
}

// inverseRootTerms is the number of terms with which the error of inverseRoot is less than 1e-8 of
// the root, for condition numbers up to 1e5.
const inverseRootTerms = 18

// inverseRoot returns a^(-1/2) for a symmetric matrix whose eigenvalues are at least least. It
// approximates a contour integral by quadrature, which is a sum of inverses of a + shift I (Hale,
// Higham and Trefethen, "Computing A^α, log(A), and related matrix functions by contour integrals",
// SIAM J. Numer. Anal. 46(5), 2008, method 3 and theorem 4.1). For CIFAR-10, this takes a minute on
// two cores; gonum's eigenvalue decomposition takes a quarter of an hour. It calls step before each
// term.
func inverseRoot(a *mat.SymDense, least float64, step func(term int) error) (*mat.SymDense, error) {
	n := a.SymmetricDim()
	ratio := min(1, least/mat.Trace(a)) // the trace is at least the largest eigenvalue
	k := mathext.CompleteK(1 - ratio)
	sum := mat.NewSymDense(n, nil)
	shifted := mat.NewSymDense(n, nil)
	var c mat.Cholesky
	for term := range inverseRootTerms {
		if err := step(term); err != nil {
			return nil, err
		}
		sn, cn := jacobi((float64(term)+0.5)*k/inverseRootTerms, ratio)
		shift := least * (sn / cn) * (sn / cn)
		shifted.CopySym(a)
		for i := range n {
			shifted.SetSym(i, i, a.At(i, i)+shift)
		}
		if !c.Factorize(shifted) {
			return nil, errors.New("whitening: the covariance is not positive definite")
		}
		if err := c.InverseTo(shifted); err != nil {
			return nil, fmt.Errorf("whitening: %w", err)
		}
		dn := math.Sqrt(cn*cn + ratio*sn*sn)
		weight := 2 * k * math.Sqrt(least) / (math.Pi * inverseRootTerms) * dn / (cn * cn)
		floats.AddScaled(sum.RawSymmetric().Data, weight, shifted.RawSymmetric().Data)
	}
	return sum, nil
}

// jacobi returns the elliptic functions sn and cn of u for the parameter 1 - complement. It uses
// the arithmetic-geometric mean (Abramowitz and Stegun, "Handbook of Mathematical Functions",
// 16.4).
func jacobi(u, complement float64) (sn, cn float64) {
	a, b, c := 1.0, math.Sqrt(complement), math.Sqrt(1-complement)
	var ratios []float64 // c/a
	for c > 1e-16*a {
		a, b, c = (a+b)/2, math.Sqrt(a*b), (a-b)/2
		ratios = append(ratios, c/a)
	}
	phi := math.Ldexp(a*u, len(ratios))
	for i := len(ratios) - 1; i >= 0; i-- {
		phi = (phi + math.Asin(ratios[i]*math.Sin(phi))) / 2
	}
	return math.Sin(phi), math.Cos(phi)
}

// FindWhitening is [FitWhitening] for a network whose input has opt.H rows and opt.W columns. It
// keeps the result in the user's cache folder, because the fit can take minutes.
func FindWhitening(ctx context.Context, set *Images, opt LoadOptions) (*Whitening, error) {
	w, err := findWhitening(ctx, set, opt)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return w, nil
}

func findWhitening(ctx context.Context, set *Images, opt LoadOptions) (*Whitening, error) {
	h := sha256.New()
	fmt.Fprintln(h, whiteningFormat, set.C, set.H, set.W, opt.H, opt.W)
	h.Write(set.Pixels)
	cache, err := os.UserCacheDir()
	if err != nil {
		return FitWhitening(ctx, set, opt.H, opt.W, opt.Progress)
	}
	path := filepath.Join(cache, "nin", "whitening", fmt.Sprintf("%x.safetensors", h.Sum(nil)[:16]))
	if w, err := ReadWhitening(path); err == nil && w.C == set.C && w.H == opt.H && w.W == opt.W {
		return w, nil
	}
	w, err := FitWhitening(ctx, set, opt.H, opt.W, opt.Progress)
	if err == nil && os.MkdirAll(filepath.Dir(path), 0o755) == nil {
		_ = w.Write(path) // without a cache, the next fit only takes longer
	}
	return w, err
}

func (w *Whitening) tensors() []safetensors.Tensor {
	n := len(w.Mean)
	return []safetensors.Tensor{{Name: "mean", Shape: []int{w.C, w.H, w.W}, Data: w.Mean},
		{Name: "matrix", Shape: []int{n, n}, Data: w.Matrix}}
}

// Write writes w to a safetensors file as the tensors mean [C,H,W] and matrix [C*H*W,C*H*W]. The
// file is written whole or not at all.
func (w *Whitening) Write(path string) error { return safetensors.Write(path, w.tensors(), nil) }

// ReadWhitening reads a file that [Whitening.Write] wrote. Errors name the file.
func ReadWhitening(path string) (*Whitening, error) {
	tensors, _, err := safetensors.Read(path)
	if err != nil {
		return nil, err
	}
	w, err := newWhitening(tensors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

// newWhitening returns the whitening whose tensors were read from a file.
func newWhitening(tensors []safetensors.Tensor) (*Whitening, error) {
	if len(tensors) != 2 || tensors[0].Name != "mean" || tensors[1].Name != "matrix" || len(tensors[0].Shape) != 3 {
		return nil, errors.New("not a whitening; want tensors mean [C,H,W] and matrix [C*H*W,C*H*W]")
	}
	s := tensors[0].Shape
	w := &Whitening{s[0], s[1], s[2], tensors[0].Data, tensors[1].Data}
	return w, w.Check()
}

// For returns an error if the whitening is not for images of c channels and rows x columns, or if
// [Whitening.Check] fails.
func (w *Whitening) For(c, rows, columns int) error {
	if w.C != c || w.H != rows || w.W != columns {
		return fmt.Errorf("a whitening of [%d,%d,%d]; the network takes [%d,%d,%d]", w.C, w.H, w.W, c, rows, columns)
	}
	return w.Check()
}

// Check returns an error if the sizes do not fit together, or if a value is not finite.
func (w *Whitening) Check() error {
	if err := CheckWhitening(w.C, w.H, w.W); err != nil {
		return err
	}
	if n := w.C * w.H * w.W; len(w.Mean) != n || len(w.Matrix) != n*n {
		return fmt.Errorf("whitening images of [%d,%d,%d]: a mean of %d values and a matrix of %d; want %d and %d", w.C,
			w.H, w.W, len(w.Mean), len(w.Matrix), n, n*n)
	}
	for _, t := range w.tensors() {
		for i, v := range t.Data {
			if v-v != 0 { // NaN or infinite
				return fmt.Errorf("whitening: %s[%d] is %g", t.Name, i, v)
			}
		}
	}
	return nil
}

// Hash returns a SHA-256 in hexadecimal that identifies the whitening.
func (w *Whitening) Hash() string {
	h := sha256.New()
	safetensors.Hash(h, w.tensors())
	return fmt.Sprintf("%x", h.Sum(nil))
}
