package nn

import (
	"wgnin/gpu"
)

// fusion says what is done in another layer's kernel, by the rules of fuse. Tensors are
// known by their names.
type fusion struct {
	relu map[string]bool // the ReLU that follows is done in the store of this tensor
	mask map[string]bool // the layer that reads this output of a ReLU masks the gradient that it writes
	sole map[string]bool // one dispatch reads this tensor

	readers map[string]int // of each tensor
}

// fuse decides what is fused in l on inputs of shape in, in graphs for p:
//
//   - A ReLU that is all that reads a tensor is done in the store of the layer that
//     makes the tensor, if that layer can.
//   - The gradient of a ReLU is masked in the store of the layer that writes it, if
//     that is the only one to read the ReLU's output, and can.
//
// The kernels' names say so in a printed plan: conv2d/forward+relu, conv2d/dx+relu.
func fuse(dev *gpu.Device, l Layer, in Shape, p pass) (*fusion, error) {
	f := &fusion{relu: map[string]bool{}, mask: map[string]bool{}, sole: map[string]bool{}}
	g, err := describe(dev, f, l, in, p)
	if err != nil {
		return nil, err
	}
	readers := g.readers()
	for name := range g.relus {
		f.relu[name] = g.stores[name] && readers[name] == 1
	}
	// Again, since ReLUs in a store make no tensor.
	if g, err = describe(dev, f, l, in, p); err != nil {
		return nil, err
	}
	f.readers = g.readers()
	for name, n := range f.readers {
		f.sole[name] = n == 1
		f.mask[name] = n == 1 && g.masks[name] && g.rectified[name]
	}
	return f, nil
}

// readers counts the dispatches that read each tensor; the output has one more, the
// loss.
func (g *Graph) readers() map[string]int {
	names := map[gpu.View]string{}
	for _, m := range g.memory {
		names[m.Data] = m.name
	}
	n := map[string]int{}
	for i := range g.rec.Len() {
		for _, v := range g.rec.Reads(i) {
			if name, ok := names[v]; ok {
				n[name]++
			}
		}
	}
	n[g.out.name]++
	return n
}
