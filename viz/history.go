package viz

import "wgnin/gpu"

// history keeps copies, on the device, of the input and of what each layer computes for it, at
// several steps of a training run. When its memory is full, it drops every second copy and doubles
// the interval, so it always spans the whole run.
type history struct {
	dev   *gpu.Device
	kept  []moment // the oldest first
	free  []*gpu.Buffer
	every int // steps from one moment to the next
	at    int // the moment that is shown; -1 is the present

	offsets []int64 // in a moment's buffer: of each layer, and then of the input
	bytes   int64   // size of a moment's buffer
}

type moment struct {
	step  int
	input origin
	data  *gpu.Buffer
}

// due reports whether to keep the maps after this step.
func (h *history) due(step int) bool {
	return len(h.kept) == 0 || step >= h.kept[len(h.kept)-1].step+h.every
}

// keep copies the activations of src, which must be up to date.
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
			return nil // the longer interval has not passed, or the memory does not hold two moments
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

// thin drops every second moment, and keeps the first. If it drops the moment that is shown, the
// one before it is shown instead.
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

// of returns t as it was at the moment that is shown. i is the index of its layer, or the number of
// layers if t is the input.
func (h *history) of(i int, t Tensor) Tensor {
	if h.at >= 0 {
		t.Data = h.kept[h.at].data.Slice(h.offsets[i], t.Data.Bytes())
	}
	return t
}

// move shows the moment n later, or earlier if n is negative. The present follows the last moment.
func (h *history) move(n int) {
	at := h.at
	if at < 0 {
		at = len(h.kept)
	}
	h.show(at + n)
}

// show shows moment i, or the present if i is beyond the last.
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

// last returns the step of the newest moment, or 0 if there is none.
func (h *history) last() int {
	if len(h.kept) == 0 {
		return 0
	}
	return h.kept[len(h.kept)-1].step
}
