package gpu

// compilation reports the progress of compiling to Options.Compiling.
type compilation struct {
	d       *Device
	waiting map[string]bool // by WGSL text
	all     int
}

// compilation returns a compilation of those kernels of plans that the device has yet to compile,
// or nil if Options.Compiling is nil.
func (d *Device) compilation(plans ...*Plan) *compilation {
	if d.compiling == nil || d.dry {
		return nil
	}
	c := &compilation{d: d, waiting: map[string]bool{}}
	for _, p := range plans {
		for i := range p.entries {
			e := &p.entries[i]
			if made := d.pipelines[e.text]; made == nil || !made.compiled {
				c.waiting[e.text] = true
			}
		}
	}
	c.all = len(c.waiting)
	return c
}

// begin reports the kernel of e if it has yet to be compiled.
func (c *compilation) begin(e *entry) {
	if c == nil || !c.waiting[e.text] {
		return
	}
	c.d.compiling(e.name+" "+e.detail, c.all-len(c.waiting), c.all)
	delete(c.waiting, e.text)
}

// end reports the end of the compilation. It is also called after an error.
func (c *compilation) end() {
	if c != nil && c.all > 0 {
		c.d.compiling("", c.all, c.all)
	}
}
