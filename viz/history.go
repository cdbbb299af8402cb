package viz

import "wgnin/gpu"

// history is what the layers put out for the input at steps of a training run,
// copied on the device. When its memory is full every second one is dropped and
// the interval doubles, so that it always spans the whole run.
type history struct {
	dev   *gpu.Device
	kept  []moment // the oldest first
	free  []*gpu.Buffer
	every int // steps
	at    int // the moment that is shown; -1 is the present

	offsets []int64 // of each layer and then the input, in a moment's buffer
	bytes   int64   // of a moment
}

type moment struct {
	step  int
	input origin
	data  *gpu.Buffer
}

// due says that the maps after that many steps are to be kept.
func (h *history) due(step int) bool {
	return len(h.kept) == 0 || step >= h.kept[len(h.kept)-1].step+h.every
}

// keep copies the activations of src, which are up to date.
func (h *history) keep(src Source, step int, input origin) error {
	views := make([]gpu.View, 0, len(src.Layers)+1)
	for _, l := range src.Layers {
		views = append(views, l.Activation.Data)
	}
	views = append(views, src.Input.Data)
	if h.bytes == 0 {
		align := h.dev.Adapter().Limits.OffsetAlign
		for _, v := range views {
			h.offsets = append(h.offsets, h.bytes)
			h.bytes += (v.Bytes() + align - 1) / align * align
		}
	}
	if int64(len(h.kept)+1)*h.bytes > src.History {
		h.thin()
		if !h.due(step) || int64(len(h.kept)+1)*h.bytes > src.History {
			return nil // the longer interval is not over, or not even two fit
		}
	}
	m := moment{step: step, input: input}
	if n := len(h.free); n > 0 {
		m.data, h.free = h.free[n-1], h.free[:n-1]
	} else {
		var err error
		if m.data, err = h.dev.NewBuffer("history", h.bytes); err != nil {
			return err
		}
	}
	var copies []gpu.Copy
	for i, v := range views {
		copies = append(copies, gpu.Copy{From: v, To: m.data.Slice(h.offsets[i], v.Bytes())})
	}
	if err := h.dev.Copy(copies...); err != nil {
		m.data.Release()
		return err
	}
	h.kept = append(h.kept, m)
	return nil
}

// thin drops every second moment but the first. What is shown stays, or gives
// way to the one before it.
func (h *history) thin() {
	h.every *= 2
	var left []moment
	for i, m := range h.kept {
		if i%2 == 0 {
			left = append(left, m)
		} else {
			h.free = append(h.free, m.data)
		}
	}
	h.kept = left
	if h.at >= 0 {
		h.at /= 2
	}
}

// of is t, or what layer i's t was at the moment that is shown.
func (h *history) of(i int, t Tensor) Tensor {
	if h.at >= 0 {
		t.Data = h.kept[h.at].data.Slice(h.offsets[i], t.Data.Bytes())
	}
	return t
}

// move shows the moment n later, or earlier if it is negative. The present is
// after the last.
func (h *history) move(n int) {
	at := h.at
	if at < 0 {
		at = len(h.kept)
	}
	h.show(at + n)
}

// show shows moment i, or the present if it is beyond the last.
func (h *history) show(i int) {
	h.at = max(i, 0)
	if h.at >= len(h.kept) {
		h.at = -1
	}
}

func (h *history) release() {
	for _, m := range h.kept {
		m.data.Release()
	}
	for _, b := range h.free {
		b.Release()
	}
	h.kept, h.free = nil, nil
}

// last is the step of the newest moment, 0 if there is none.
func (h *history) last() int {
	if len(h.kept) == 0 {
		return 0
	}
	return h.kept[len(h.kept)-1].step
}
