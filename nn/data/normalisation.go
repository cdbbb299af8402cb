package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Normalisation is the mean and the deviation that images are normalised by, channel by channel, as
// torchvision.transforms.Normalize:
//
//	y = (x - Mean) / Deviation
//
// where x is an 8-bit value divided by 255. Mean and Deviation are [C].
type Normalisation struct{ Mean, Deviation []float32 }

// ImageNet is the normalisation of torchvision's pretrained networks, of the channels red, green
// and blue.
func ImageNet() *Normalisation {
	return &Normalisation{[]float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}}
}

// FitNormalisation finds the mean and the deviation, over all images and pixels, of each channel of
// a set as it is stored. The sums are exact, so the numbers depend on nothing but the pixels. A
// channel whose deviation is below 1/255, one step of the 8-bit values, gets the deviation 1:
// dividing would make noise of it. A set without pixels is black.
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

// String is the means, a slash and the deviations, as ParseNormalisation reads them back to the
// same bits: 0.485,0.456,0.406/0.229,0.224,0.225.
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

// ParseNormalisation reads the form of [Normalisation.String]. Each list may also be
// one number, for all channels.
func ParseNormalisation(text string) (*Normalisation, error) {
	bad := fmt.Errorf("%.80q is no normalisation; want means and deviations such as 0.485,0.456,0.406/0.229,0.224,0.225", text)
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

// check refuses numbers that no images with values of 0 to 1 have, such as those for values of 0 to
// 255.
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

// For gives the normalisation a mean and a deviation for each of c channels. It refuses one
// for another number of them.
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

// MarshalText is [Normalisation.String].
func (n *Normalisation) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText is [ParseNormalisation].
func (n *Normalisation) UnmarshalText(text []byte) error {
	read, err := ParseNormalisation(string(text))
	if err == nil {
		*n = *read
	}
	return err
}
