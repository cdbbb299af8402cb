package nn

import (
	"wgnin/gpu"
)

// fusion records which operations run inside another layer's kernel, by the rules of fuse. The keys
// are the names of tensors.
type fusion struct {
	relu map[string]bool // the ReLU that follows runs in the kernel that stores this tensor
	mask map[string]bool // the layer that reads this output of a ReLU also masks the gradient that it writes
	sole map[string]bool // only one dispatch reads this tensor

	readers map[string]int // number of dispatches that read a tensor
}

// fuse decides what is fused in l for inputs of shape in, in graphs for p:
//
//   - If a ReLU is the only reader of a tensor, the kernel that stores the tensor also
//     applies the ReLU, if the layer supports that.
//   - The layer that writes the gradient of a ReLU's output also masks it, if that layer
//     is the only reader of the output and supports masking.
//
// The names of the kernels in a printed plan show what is fused: conv2d/forward+relu,
// conv2d/dx+relu.
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
	// Describe the network again, because fused ReLUs make no tensors.
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

// readers counts the dispatches that read each tensor. The loss counts as one more reader of the
// network's output.
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
