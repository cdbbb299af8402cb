package nn

import (
	"math"
	"math/rand/v2"
)

// Distribution draws one weight of a tensor. The fans are channels times kernel rows times kernel
// columns, of the input and of the output.
type Distribution func(r *rand.Rand, fanIn, fanOut int) float64

// Init is the distribution of the initial weights and biases of a network. Each tensor has its own
// random numbers, which depend only on the seed and the place of the tensor.
type Init struct{ Weight, Bias Distribution }

var (
	// Xavier is the chapter's initialisation: weights uniform within sqrt(6/(fanIn+fanOut)) (Glorot
	// and Bengio, 2010), biases as in PyTorch.
	Xavier = Init{XavierUniform, PyTorchUniform}
	// He is for ReLU networks: weights normal with standard deviation sqrt(2/fanIn) (He et al.,
	// 2015), biases zero.
	He = Init{HeNormal, Zero}
	// PyTorch is the default of torch.nn.Conv2d and Linear.
	PyTorch = Init{PyTorchUniform, PyTorchUniform}
	// Keras is the default of Keras's layers, and MXNet's init.Xavier(): weights as in Xavier,
	// biases zero. The chapter uses it for TensorFlow and MXNet.
	Keras = Init{XavierUniform, Zero}
	// Flax is the default of flax.linen's layers. The chapter uses it for JAX.
	Flax = Init{LecunNormal, Zero}
)

// XavierUniform draws from U(-b,b) with b = sqrt(6/(fanIn+fanOut)).
func XavierUniform(r *rand.Rand, fanIn, fanOut int) float64 {
	return uniform(r, math.Sqrt(6/float64(fanIn+fanOut)))
}

// HeNormal draws from N(0, 2/fanIn).
func HeNormal(r *rand.Rand, fanIn, _ int) float64 {
	return r.NormFloat64() * math.Sqrt(2/float64(fanIn))
}

// HeUniform draws from U(-b,b) with b = sqrt(6/fanIn).
func HeUniform(r *rand.Rand, fanIn, _ int) float64 { return uniform(r, math.Sqrt(6/float64(fanIn))) }

// LecunNormal draws from a normal distribution that is truncated at twice its standard deviation,
// with variance 1/fanIn, as jax.nn.initializers.lecun_normal does (the use of 1/fanIn is by
// Klambauer et al., 2017).
func LecunNormal(r *rand.Rand, fanIn, _ int) float64 {
	const deviation = 0.87962566103423978 // of a standard normal truncated at 2
	for {
		if x := r.NormFloat64(); math.Abs(x) <= 2 {
			return x / deviation / math.Sqrt(float64(fanIn))
		}
	}
}

// PyTorchUniform draws from U(-b,b) with b = 1/sqrt(fanIn).
func PyTorchUniform(r *rand.Rand, fanIn, _ int) float64 {
	return uniform(r, 1/math.Sqrt(float64(fanIn)))
}

// Gaussian returns a distribution that draws from N(0, std^2).
func Gaussian(std float64) Distribution {
	return func(r *rand.Rand, _, _ int) float64 { return r.NormFloat64() * std }
}

// Zero returns 0.
func Zero(*rand.Rand, int, int) float64 { return 0 }

// Always returns a distribution that draws v every time.
func Always(v float64) Distribution {
	return func(*rand.Rand, int, int) float64 { return v }
}

func uniform(r *rand.Rand, bound float64) float64 { return (2*r.Float64() - 1) * bound }
