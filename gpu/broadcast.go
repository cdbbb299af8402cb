package gpu

import (
	"errors"
	"strings"
)

// digits is the WGSL by which a kernel with Broadcast reads the numbers 0 to 63 from its push
// constants.
//
// If eight lanes read the same address, Mesa's llvmpipe loads it once, but only if it can prove
// that the addresses are equal. Push constants are the only memory whose contents count in this
// proof (nir_src_is_always_uniform in Mesa's src/compiler/nir/nir.c). Loads from addresses made of
// these digits are therefore two to four times cheaper on llvmpipe than any other.
const digits = `
struct Digits { d : array<u32, 64> }
var<push_constant> digits : Digits;

// same12 and same24 are i, which must be the same in all lanes, below 2^12 and 2^24.
fn same12(i : u32) -> u32 { return digits.d[i >> 6u] * 64u + digits.d[i & 63u]; }
fn same24(i : u32) -> u32 { return same12(i >> 12u) * 4096u + same12(i & 4095u); }
`

// digitValues are the push constants of kernels with Broadcast.
var digitValues = func() []uint32 {
	values := make([]uint32, 64)
	for i := range values {
		values[i] = uint32(i)
	}
	return values
}()

// Broadcast reports whether kernels with Broadcast run on the device.
func (d *Device) Broadcast() bool { return d.broadcast }

// wantsBroadcast reports whether the adapter gains from kernels with Broadcast.
func (a Adapter) wantsBroadcast() bool {
	return a.Class == Software && strings.Contains(a.Name, "llvmpipe")
}

// readsDigits runs a kernel that writes its digits to a buffer, and reports whether they are right.
// They are not if the adapter refuses the kernel. Other failures are inconclusive and returned.
func (d *Device) readsDigits() (bool, error) {
	type args struct {
		Y View `wgsl:"write array<u32>"`
	}
	const n = 64
	out, err := d.NewBuffer("digits", n*4)
	if err != nil {
		return false, err
	}
	defer out.Release()
	r := d.NewRecorder()
	Kernel[args]{
		Name: "digits", Broadcast: true, Groups: n, Lanes: 1,
		Source: "fn run(group : u32, lane : u32) { y[group] = same24(group); }\n",
	}.Record(r, args{out.All()})
	p, err := r.Plan()
	if err != nil {
		if errors.Is(err, ErrLost) || errors.Is(err, ErrOutOfMemory) {
			return false, err
		}
		return false, nil
	}
	defer p.Release()
	if err := d.Run(p); err != nil {
		return false, err
	}
	got := make([]uint32, n)
	if err := Read(out.All(), got); err != nil {
		return false, err
	}
	for i, v := range got {
		if v != uint32(i) {
			return false, nil
		}
	}
	return true, nil
}
