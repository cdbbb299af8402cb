package gpu

import (
	"slices"
	"time"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// Systems reset a GPU that does not answer for a time: Windows after two
// seconds, Linux drivers after one to ten, macOS after some. A step of a large
// batch takes longer on a small GPU. So the first run of each step of a plan is
// timed; from then on a submit ends where the next dispatch would go beyond
// Options.MaxSubmit, and a dispatch that does so by itself is dispatched in parts.
// All this changes when workgroups run, not what they compute.

// watchdog is the MaxSubmit of GPUs.
const watchdog = 500 * time.Millisecond

// slow is the arithmetic, and sample the share of its workgroups, with which a
// dispatch is first tried: GPUs of ten GFLOP/s are done with less in time.
const (
	slow   = 4e9
	sample = 32
)

// time runs s for the first time, waits for it, and notes how long its parts take.
func (d *Device) time(s *step) error {
	if s.entry.flops >= slow && s.entry.repeats() {
		if err := d.split(s); err != nil {
			return err
		}
	}
	for i := range s.parts {
		took, err := d.clock(s.parts[i])
		if err != nil {
			return err
		}
		s.parts[i].took = took
	}
	s.timed = true
	return nil
}

// split makes as many parts of s as keep within maxSubmit, by the time that its
// first workgroups take.
func (d *Device) split(s *step) error {
	first := s.parts[0]
	if first.y > 1 {
		first.y = max(1, first.y/sample)
	} else {
		first.x = max(1, first.x/sample)
	}
	var took time.Duration
	for range 2 { // the driver may compile in the first
		var err error
		if took, err = d.clock(first); err != nil {
			return err
		}
	}
	groups := s.entry.groups
	whole := took * time.Duration(groups) / time.Duration(min(groups, int(first.x*first.y)))
	return d.partition(s, min(groups, int(whole/d.maxSubmit)+1))
}

// partition makes s of n parts, if that is more than one.
func (d *Device) partition(s *step, n int) error {
	if n == 1 {
		return nil
	}
	groups := s.entry.groups
	var parts []part
	for i := range n {
		p, err := d.bind(s.entry, i*groups/n, (i+1)*groups/n)
		if err != nil {
			(&step{parts: parts}).release()
			return err
		}
		parts = append(parts, p)
	}
	s.release()
	s.parts = parts
	return nil
}

// clock runs p alone and gives the time that it took.
func (d *Device) clock(p part) (time.Duration, error) {
	d.Wait()
	start := time.Now()
	err := d.encode(func(enc *wgpu.CommandEncoder) error { return d.dispatch(enc, []part{p}) })
	d.Wait()
	return time.Since(start), err
}

// repeats says that e may run twice: it reads nothing that it writes.
func (e *entry) repeats() bool {
	return !slices.ContainsFunc(e.binds, func(b bind) bool { return b.access == "update" })
}
