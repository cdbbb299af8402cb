package nn

import (
	"fmt"
	"slices"
	"strings"

	"wgnin/nn/nearest"
)

// Freeze keeps the weights of some layers as they are while the others learn, as
// requires_grad=False does in PyTorch. A layer is frozen if the names of its weights begin with one
// of the prefixes. A prefix ends where a part of the name ends: 0 matches 0.weight and 0.1.bias,
// but not 01.weight. It may begin with net., as the names of [Net.Weights] do; in a network that
// has a layer called net, that is the layer. Frozen weights have no gradient and no optimizer
// state, and are saved with the others. If nothing before a layer learns, no gradient flows to it.
//
// In training, a frozen BatchNorm2D normalises by its running mean and variance and does not change
// them, as in Keras with trainable=False. In PyTorch, requires_grad=False alone lets the layer
// normalise by the batch and update them; call eval() on it there for the same result. Dropout,
// which has no weights, still drops.
//
// The errors are [RangeError]s: a prefix that matches no name, one that freezes only part of a
// layer, and prefixes that leave nothing to learn.
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

// frozenLayers returns the paths of the layers that the prefixes freeze.
func frozenLayers(d *Description, prefixes []string) (map[string]bool, error) {
	frozen, used, learns := map[string]bool{}, map[string]bool{}, false
	before := map[string]string{} // to put before the names for a prefix
	for _, p := range prefixes {
		if !slices.ContainsFunc(d.WeightNames(), func(name string) bool { return begins(name, p) }) {
			before[p] = netPrefix
		}
	}
	var paths []string // of layers with weights, and of the blocks around them
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

// begins reports whether the name of a weight begins with prefix. A prefix must end where a part of
// the name ends.
func begins(name, prefix string) bool {
	return strings.HasPrefix(name+".", strings.TrimSuffix(prefix, ".")+".")
}
