package nn

import (
	"fmt"
	"slices"
	"strings"

	"wgnin/nn/nearest"
)

// Freeze keeps layers as they are while the others learn, as requires_grad=False does in
// PyTorch: the layers whose weights have a name that begins with one of the prefixes. A prefix
// ends where a part of the name does: 0 is the beginning of 0.weight and of 0.1.bias, but not of
// 01.weight. It may begin with the net. of the names of [Net.Weights]; in a network that has a layer
// called net, that is the layer. Frozen weights have no gradient and no optimizer state, and are
// saved with the others. Where nothing before a layer learns, no gradient flows to it.
//
// A frozen BatchNorm2D normalises by its running mean and variance in training too, and leaves
// them as they are, as Keras does with trainable=False: it computes what it computed in the
// trained network. With requires_grad=False alone, PyTorch's goes on to normalise by the batch
// and to move them; call eval() on it there for the same. Dropout, which has no weights, goes on
// to drop.
//
// The errors are [RangeError]s: a prefix that begins no name, one that freezes part of a layer,
// and prefixes that leave nothing to learn.
func Freeze(prefixes ...string) NetOption {
	return func(net *Net) (err error) {
		if len(prefixes) == 0 {
			return nil
		}
		if net.frozenLayers, err = frozenLayers(net.description, prefixes); err == nil {
			_, err = net.rehearse()
		}
		return err
	}
}

// CheckFreeze returns the error of [Freeze] with the network that d describes.
func CheckFreeze(d *Description, prefixes ...string) error {
	_, err := frozenLayers(d, prefixes)
	return err
}

// frozenLayers are the paths of the layers that the prefixes freeze.
func frozenLayers(d *Description, prefixes []string) (map[string]bool, error) {
	frozen, used, learns := map[string]bool{}, map[string]bool{}, false
	before := map[string]string{} // what stands before the names for a prefix
	for _, p := range prefixes {
		if !slices.ContainsFunc(d.WeightNames(), func(name string) bool { return begins(name, p) }) {
			before[p] = netPrefix
		}
	}
	var paths []string // of layers with weights, and of the blocks that they are in
	for _, l := range d.Layers {
		var held, free []string // names of weights
		for _, t := range l.Weights {
			if t.State {
				continue
			}
			name, of := l.weight(t.Name), &free
			for _, p := range prefixes {
				if begins(before[p]+name, p) {
					used[p], of = true, &held
				}
			}
			*of = append(*of, name)
		}
		switch {
		case len(held) > 0 && len(free) > 0:
			want := fmt.Sprintf("whole layers such as %s: %s would learn without %s", l.Path, free[0], held[0])
			return nil, RangeError{"Freeze", strings.Join(prefixes, ","), want}
		case len(held) > 0:
			frozen[l.Path] = true
		case len(free) > 0:
			learns = true
		default:
			continue
		}
		parts := strings.Split(l.Path, ".")
		for i := range parts {
			if path := strings.Join(parts[:i+1], "."); !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	for _, p := range prefixes {
		if !used[p] {
			deeper := func(path string) bool { return strings.Count(path, ".") > strings.Count(p, ".") }
			hint := nearest.Hint(p, slices.DeleteFunc(paths, deeper))
			return nil, RangeError{"Freeze", fmt.Sprintf("%q", p), "the beginning of a weight's name; " + hint}
		}
	}
	if !learns {
		return nil, RangeError{"Freeze", strings.Join(prefixes, ","), "less: it leaves no layer to learn"}
	}
	return frozen, nil
}

// begins reports whether the name of a weight begins with a prefix that ends where a part of the
// name does.
func begins(name, prefix string) bool {
	return strings.HasPrefix(name+".", strings.TrimSuffix(prefix, ".")+".")
}
