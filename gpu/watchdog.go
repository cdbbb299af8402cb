package gpu

import (
	"slices"
	"time"

	"wgnin/gpu/internal/webgpu"
)

// The system resets a GPU that does not answer for some time: Windows after two seconds, Linux
// drivers after one to ten seconds, macOS after a few. A step with a large batch takes longer on a
// small GPU. So the first run of each dispatch of a plan is timed. Later runs start a new submit
// where the next dispatch would exceed Options.MaxSubmit. A dispatch that exceeds it alone is split
// into parts, each a pipeline with its own range of workgroups, unless the kernel updates an
// argument in place. All this changes when workgroups run, not what they compute.

// watchdog is the default MaxSubmit on GPUs.
const watchdog = 500 * time.Millisecond

const (
	// A dispatch of at least trialFlops is first tried with one of every trialShare workgroups.
	// Smaller dispatches finish in time even at ten GFLOP/s.
	trialFlops = 4e9
	trialShare = 32
	// maxParts limits the parts of a dispatch, in case the machine slept while it was timed.
	maxParts = 64
)

// first runs s for the first time, which compiles its kernel, and waits for it. If there is a
// watchdog, first also times s.
func (d *Device) first(s *step) (err error) {
	if d.maxSubmit > 0 {
		err = d.time(s)
	} else {
		_, err = d.clock(s.parts[0])
	}
	if err == nil {
		s.ready, s.parts[0].pipeline.compiled = true, true
	}
	return err
}

// time runs s, waits for it, and records how long its parts take.
func (d *Device) time(s *step) error {
	if s.entry.flops >= trialFlops && s.entry.repeats() {
		if err := d.split(s); err != nil {
			return err
		}
	}
	for i := range s.parts {
		took, err := d.clock(s.parts[i])
		if err == nil && took > d.maxSubmit/10 && s.entry.repeats() { // the time may include compiling
			took, err = d.clock(s.parts[i])
		}
		if err != nil {
			return err
		}
		s.parts[i].took = took
	}
	if whole := s.parts[0].took; len(s.parts) == 1 && whole > d.maxSubmit && s.entry.repeats() {
		if err := d.partition(s, whole); err != nil {
			return err
		}
	}
	return nil
}

// split splits s into parts that stay within maxSubmit, judging by the time of its first
// workgroups.
func (d *Device) split(s *step) error {
	first := s.parts[0]
	if first.y > 1 {
		first.y = max(1, first.y/trialShare)
	} else {
		first.x = max(1, first.x/trialShare)
	}
	var took time.Duration
	for range 2 {
		var err error
		if took, err = d.clock(first); err != nil {
			return err
		}
	}
	groups := s.entry.groups
	whole := took * time.Duration(groups) / time.Duration(min(groups, int(first.x*first.y)))
	return d.partition(s, whole)
}

// partition splits s into parts that stay within maxSubmit. whole is the time that s takes.
func (d *Device) partition(s *step, whole time.Duration) error {
	groups := s.entry.groups
	n := min(groups, maxParts, int(whole/d.maxSubmit)+1)
	if n == 1 {
		return nil
	}
	var parts []part
	for i := range n {
		p, err := d.bind(s.entry, i*groups/n, (i+1)*groups/n)
		if err != nil {
			(&step{parts: parts}).release()
			return err
		}
		p.took = whole / time.Duration(n)
		parts = append(parts, p)
	}
	parts[n-1].last = true
	s.release()
	s.parts = parts
	return nil
}

// clock runs p alone and returns the time that it takes.
func (d *Device) clock(p part) (time.Duration, error) {
	d.Wait()
	if err := d.wait(p.pipeline); err != nil {
		return 0, err
	}
	start := time.Now()
	err := d.submit(p)
	d.Wait()
	return time.Since(start), err
}

// submit submits p alone. The pipeline must be ready.
func (d *Device) submit(p part) error {
	return d.encode(func(enc *webgpu.Encoder) {
		pass := enc.Pass(nil, 0)
		p.dispatch(pass)
		pass.End()
	})
}

// repeats reports whether e may run twice, because it reads nothing that it writes.
func (e *entry) repeats() bool {
	return !slices.ContainsFunc(e.binds, func(b bind) bool { return b.access == "update" })
}
