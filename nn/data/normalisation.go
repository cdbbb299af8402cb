package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Normalisation is the mean and the standard deviation by which images are normalised, channel by
// channel, as in torchvision.transforms.Normalize:
//
//	y = (x - Mean) / Deviation
//
// where x is an 8-bit value divided by 255. Mean and Deviation are [C].
type Normalisation struct{ Mean, Deviation []float32 }

// ImageNet returns the normalisation of torchvision's pretrained networks, for the channels red,
// green and blue.
func ImageNet() *Normalisation {
	return &Normalisation{[]float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}}
}

// FitNormalisation computes the mean and the standard deviation of each channel over all images and
// pixels of a set as it is stored. The sums are exact, so the numbers depend only on the pixels. If
// a channel's deviation is below 1/255, one step of the 8-bit values, the result has 1 instead,
// because dividing would amplify noise. A set without pixels counts as black.
func FitNormalisation(set *Images) *Normalisation {
	n := &Normalisation{make([]float32, set.C), make([]float32, set.C)}
	counts := make([][256]uint64, set.C)
	area := set.H * set.W
	for i := 0; i+area <= len(set.Pixels); i += area {
		c := &counts[i/area%set.C]
		for _, v := range set.Pixels[i:][:area] {
			c[v]++
		}
	}
	for c := range counts {
		var total, sum, squares float64 // integers below 2^53 for up to 10^11 pixels
		for v, count := range counts[c] {
			total += float64(count)
			sum += float64(count) * float64(v)
			squares += float64(count) * float64(v*v)
		}
		n.Deviation[c] = 1
		if total == 0 {
			continue
		}
		mean := sum / total
		n.Mean[c] = float32(mean / 255)
		if deviation := math.Sqrt(max(0, squares/total-mean*mean)); deviation >= 1 {
			n.Deviation[c] = float32(deviation / 255)
		}
	}
	return n
}

// String returns the means, a slash and the deviations, such as
// 0.485,0.456,0.406/0.229,0.224,0.225. ParseNormalisation reads them back to the same bits.
func (n *Normalisation) String() string {
	list := func(values []float32) string {
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
		}
		return strings.Join(words, ",")
	}
	return list(n.Mean) + "/" + list(n.Deviation)
}

// ParseNormalisation reads the form of [Normalisation.String]. Each list may also be a single
// number for all channels. Errors: another form, a mean that is not in [0,1], and a deviation that
// is not in [0.001,1].
func ParseNormalisation(text string) (*Normalisation, error) {
	bad := fmt.Errorf("%.80q is not a normalisation; want means and deviations such as 0.485,0.456,0.406/0.229,0.224,0.225", text)
	means, deviations, _ := strings.Cut(text, "/")
	var n Normalisation
	for _, list := range []struct {
		words string
		into  *[]float32
	}{{means, &n.Mean}, {deviations, &n.Deviation}} {
		for word := range strings.SplitSeq(list.words, ",") {
			v, err := strconv.ParseFloat(word, 32)
			if err != nil {
				return nil, bad
			}
			*list.into = append(*list.into, float32(v))
		}
	}
	return &n, n.check()
}

// check returns an error for numbers that do not suit pixels from 0 to 1, such as those for pixels
// from 0 to 255.
func (n *Normalisation) check() error {
	for i, v := range n.Mean {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("mean %d of the normalisation is %g; want 0 to 1, as pixels are", i+1, v)
		}
	}
	for i, v := range n.Deviation {
		if !(v >= 0.001 && v <= 1) {
			return fmt.Errorf("deviation %d of the normalisation is %g; want 0.001 to 1, for pixels of 0 to 1", i+1, v)
		}
	}
	return nil
}

// For returns the normalisation with a mean and a deviation for each of c channels; a single number
// is repeated. Errors: the normalisation is for another number of channels.
func (n *Normalisation) For(c int) (*Normalisation, error) {
	each := func(values []float32) []float32 {
		if len(values) == 1 {
			return slices.Repeat(values, c)
		}
		return values
	}
	all := &Normalisation{each(n.Mean), each(n.Deviation)}
	if len(all.Mean) != c || len(all.Deviation) != c {
		want := "1 of each, for images of 1 channel"
		if c > 1 {
			want = fmt.Sprintf("1 or %d of each, for images of %[1]d channels", c)
		}
		return nil, fmt.Errorf("the normalisation %s has %d means and %d deviations; want %s", n, len(n.Mean),
			len(n.Deviation), want)
	}
	return all, n.check()
}

// MarshalText returns [Normalisation.String].
func (n *Normalisation) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads the form that [ParseNormalisation] reads.
func (n *Normalisation) UnmarshalText(text []byte) error {
	read, err := ParseNormalisation(string(text))
	if err == nil {
		*n = *read
	}
	return err
}
