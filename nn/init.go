package nn

import (
	"math"
	"math/rand/v2"
)

// Distribution draws one weight of a tensor with the given fans: channels times
// kernel rows times kernel columns, of the input and of the output.
type Distribution func(r *rand.Rand, fanIn, fanOut int) float64

// Init is how the weights and the biases of a network start. Each tensor has
// random numbers of its own, which depend on the seed and its place alone.
type Init struct{ Weight, Bias Distribution }

var (
	// Xavier is the chapter's: weights uniform within sqrt(6/(fanIn+fanOut))
	// (Glorot and Bengio, 2010), biases as PyTorch.
	Xavier = Init{XavierUniform, PyTorchUniform}
	// He is for ReLU networks: weights normal with deviation sqrt(2/fanIn)
	// (He et al., 2015), biases zero.
	He = Init{HeNormal, Zero}
	// PyTorch is the default of torch.nn.Conv2d and Linear.
	PyTorch = Init{PyTorchUniform, PyTorchUniform}
	// Keras is the default of Keras's layers, and MXNet's init.Xavier(): weights as Xavier,
	// biases zero. It is what the chapter has for TensorFlow and MXNet.
	Keras = Init{XavierUniform, Zero}
	// Flax is the default of flax.linen's layers, and what the chapter has for JAX.
	Flax = Init{LecunNormal, Zero}
)

// XavierUniform is U(-b,b) with b = sqrt(6/(fanIn+fanOut)).
func XavierUniform(r *rand.Rand, fanIn, fanOut int) float64 {
	return uniform(r, math.Sqrt(6/float64(fanIn+fanOut)))
}

// HeNormal is N(0, 2/fanIn).
func HeNormal(r *rand.Rand, fanIn, _ int) float64 {
	return r.NormFloat64() * math.Sqrt(2/float64(fanIn))
}

// HeUniform is U(-b,b) with b = sqrt(6/fanIn).
func HeUniform(r *rand.Rand, fanIn, _ int) float64 { return uniform(r, math.Sqrt(6/float64(fanIn))) }

// LecunNormal is normal with variance 1/fanIn, of a distribution that is cut off at twice its
// deviation: jax.nn.initializers.lecun_normal (Klambauer et al., 2017, for the use of 1/fanIn).
func LecunNormal(r *rand.Rand, fanIn, _ int) float64 {
	const deviation = 0.87962566103423978 // of a standard normal that is cut off at 2
	for {
		if x := r.NormFloat64(); math.Abs(x) <= 2 {
			return x / deviation / math.Sqrt(float64(fanIn))
		}
	}
}

// PyTorchUniform is U(-b,b) with b = 1/sqrt(fanIn).
func PyTorchUniform(r *rand.Rand, fanIn, _ int) float64 {
	return uniform(r, 1/math.Sqrt(float64(fanIn)))
}

// Gaussian is N(0, std^2).
func Gaussian(std float64) Distribution {
	return func(r *rand.Rand, _, _ int) float64 { return r.NormFloat64() * std }
}

// Zero is 0.
func Zero(*rand.Rand, int, int) float64 { return 0 }

// Always is v.
func Always(v float64) Distribution {
	return func(*rand.Rand, int, int) float64 { return v }
}

func uniform(r *rand.Rand, bound float64) float64 { return (2*r.Float64() - 1) * bound }
