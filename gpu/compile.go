package gpu

// compilation reports to Options.Compiling which kernels are being compiled.
type compilation struct {
	d       *Device
	waiting map[string]bool // by WGSL text
	all     int
}

// compilation is of the kernels of plans that the device has yet to compile; nil if
// nobody is told.
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

// begin reports the kernel of e, if it is about to be compiled.
func (c *compilation) begin(e *entry) {
	if c == nil || !c.waiting[e.text] {
		return
	}
	c.d.compiling(e.name+" "+e.detail, c.all-len(c.waiting), c.all)
	delete(c.waiting, e.text)
}

// end reports that the compilation has ended, also after an error.
func (c *compilation) end() {
	if c != nil && c.all > 0 {
		c.d.compiling("", c.all, c.all)
	}
}
