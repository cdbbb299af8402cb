package gpu

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"wgnin/gpu/internal/webgpu"
	"wgnin/gpu/machine"
)

// Class is an adapter's kind of processor. Smaller values are preferred.
type Class int

// The classes, in order of preference.
const (
	Discrete   Class = iota // a card with memory of its own
	Integrated              // a GPU that shares the processor's memory
	Virtual                 // a GPU lent by a hypervisor, or of unknown kind
	Software                // the processor itself, as with Mesa's lavapipe
)

func (c Class) String() string {
	return [...]string{"discrete GPU", "integrated GPU", "virtual GPU", "software"}[c]
}

// Limits are the largest sizes that an adapter supports, in bytes where the name says so.
type Limits struct {
	MaxBytes          int64 // all buffers together; 0 if unknown
	MaxBufferBytes    int64 // one buffer
	MaxBindingBytes   int64 // one storage binding
	MaxUniformBytes   int64 // one uniform binding
	MaxGroupsPerDim   int   // workgroups in one dimension of a dispatch
	MaxGroupSize      int   // invocations in a workgroup
	MaxSharedBytes    int   // workgroup memory; with FXC, the most that it compiles in seconds
	OffsetAlign       int64 // alignment of a binding's offset in its buffer
	MaxStorageBuffers int   // storage bindings of one kernel
	MaxIterations     int   // of all loops of one invocation together; 0 if unlimited
}

// Adapter describes a processor that can run kernels.
type Adapter struct {
	Name    string // the driver's name for it
	Driver  string // driver and version; empty if the backend does not report it
	Backend string // vulkan, metal or d3d12
	// Compiler is the compiler of shaders for d3d12: FXC, which is part of Windows. It is empty for
	// other backends.
	Compiler string
	Vendor   uint32 // PCI vendor
	Class    Class
	Limits   Limits

	number int // from 1 on, among adapters of the same name; 0 if the name is unique
}

// ID returns the value of Options.Adapter that chooses exactly this adapter. It is the adapter's
// name, with a number if other adapters have the same name, such as NAME#2.
func (a Adapter) ID() string {
	if a.number == 0 {
		return a.Name
	}
	return fmt.Sprintf("%s#%d", a.Name, a.number)
}

// ClearsShared reports whether one lane of each workgroup clears its memory before a kernel begins,
// as naga's HLSL and MSL do. On Vulkan the driver clears it, with all lanes.
func (a Adapter) ClearsShared() bool { return a.Backend == "metal" || a.Backend == "d3d12" }

// String describes the adapter in one line, like the first line of a run.
func (a Adapter) String() string {
	parts := []string{a.Class.String(), a.Backend, a.Driver, a.Compiler}
	return a.Name + " (" + strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ") + ")"
}

// compilesInQueue reports whether the driver compiles a kernel to machine code when the queue first
// runs it, rather than when its pipeline is made, and caches the code on disk. Llvmpipe and
// SwiftShader do so.
func (a Adapter) compilesInQueue() bool { return a.Class == Software && a.Backend == "vulkan" }

// compilesInPlan reports whether making a pipeline compiles its kernel to machine code. A browser
// returns the pipeline earlier and compiles it on another thread; see [webgpu.Device.NewPipeline].
func (a Adapter) compilesInPlan() bool { return !a.compilesInQueue() && a.Backend != "webgpu" }

// sharesCode reports whether kernels that differ only in their sizes should be compiled once. On
// software adapters, compiling them separately takes longer than the constant sizes save.
func (a Adapter) sharesCode() bool {
	return a.Class == Software && (a.Backend == "vulkan" || a.Backend == "webgpu")
}

// Options choose an adapter.
type Options struct {
	// Adapter is "auto" (or empty: discrete before integrated before software), "gpu" (never
	// software), "cpu" (only software), the ID of an adapter, a backend (vulkan, metal or d3d12),
	// or a part of an adapter's name, in any case. The first that matches is chosen.
	Adapter string
	// Portable turns off what only some drivers support (see Kernel.Broadcast).
	Portable bool
	// Window, if it is not nil, is a window for the device to draw in. Only adapters that can draw
	// in it are considered. The window must outlive the device.
	Window *NativeWindow
	// Idle, if it is not nil, is called about once a millisecond while a method waits for the
	// device. It must not use the device.
	Idle func()
	// Compiling, if it is not nil, is called before the device compiles a kernel for a plan, when
	// done of all kernels are compiled. At the end, also after an error, it is called with an empty
	// kernel and done equal to all. It must not use the device.
	Compiling func(kernel string, done, all int)
	// MaxSubmit is the longest time for which one submit may keep a GPU busy; longer work is split.
	// 0 means half a second. On software adapters, which have no watchdog, 0 means no limit.
	MaxSubmit time.Duration
	// Fault, if it is not nil, is called before each driver call that can fail (open, buffer,
	// write, pipeline, bind, submit, map, unmap, profile, present). If it returns an error, the
	// call fails with that error. It is for tests.
	Fault func(call string) error
}

// ErrNoAdapter reports that no adapter of this machine can run kernels, usually because no driver
// is installed.
var ErrNoAdapter = errors.New("no GPU adapter")

// Adapters returns the adapters of this machine, the preferred one first.
func Adapters() []Adapter {
	in := webgpu.NewInstance()
	defer in.Release()
	var all []Adapter
	for _, a := range enumerate(in) {
		all = append(all, a.info)
		a.handle.Release()
	}
	return all
}

type candidate struct {
	info   Adapter
	handle *webgpu.Adapter
}

func enumerate(in *webgpu.Instance) []candidate {
	var all []candidate
	for _, h := range in.Adapters() {
		all = append(all, candidate{describe(h.Info), h})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].info.Class < all[j].info.Class })
	infos := make([]*Adapter, len(all))
	for i := range all {
		infos[i] = &all[i].info
	}
	number(infos)
	return all
}

// number numbers adapters that have the same name.
func number(all []*Adapter) {
	count := map[string]int{}
	for _, a := range all {
		count[a.Name]++
		a.number = count[a.Name]
	}
	for _, a := range all {
		if count[a.Name] == 1 {
			a.number = 0
		}
	}
}

// MissedGPU returns a line that names a GPU of the system without an adapter, and what to install
// for it. The line is empty if one of the adapters in all is a GPU, or if no GPU was found.
func MissedGPU(all []Adapter) string {
	if slices.ContainsFunc(all, func(a Adapter) bool { return a.Class != Software }) {
		return ""
	}
	return machine.GPU()
}

func describe(i webgpu.Info) Adapter {
	class := Virtual
	switch i.Processor {
	case webgpu.DiscreteGPU:
		class = Discrete
	case webgpu.IntegratedGPU:
		class = Integrated
	case webgpu.CPU:
		class = Software
	}
	a := Adapter{
		Name: i.Name, Driver: i.Driver, Backend: i.Backend, Compiler: i.Compiler, Vendor: i.Vendor, Class: class,
		Limits: Limits{
			MaxBufferBytes:    clampInt64(i.Limits.BufferBytes),
			MaxBindingBytes:   clampInt64(i.Limits.StorageBytes),
			MaxUniformBytes:   clampInt64(i.Limits.UniformBytes),
			MaxGroupsPerDim:   int(i.Limits.Groups),
			MaxGroupSize:      int(i.Limits.GroupSize),
			MaxSharedBytes:    int(i.Limits.SharedBytes),
			OffsetAlign:       int64(i.Limits.OffsetAlign),
			MaxStorageBuffers: int(i.Limits.StorageBuffers),
			MaxIterations:     maxIterations(i.Name, i.Driver),
		},
	}
	if a.Compiler == "FXC" {
		a.Limits.MaxSharedBytes = fxcSharedBytes
	}
	if class == Software {
		a.Limits.MaxBytes = machine.FreeMemory()
	}
	return a
}

// fxcSharedBytes is the most workgroup memory with which FXC compiles a kernel in seconds: none.
// naga sets workgroup memory to zero at the start of a kernel, and FXC unrolls that loop. FXC
// compiles a matrix product with 2 KiB of workgroup memory (64x64x4) in 3 seconds, with 4 KiB in 6,
// and with 16 KiB in 63, of which clearing the memory takes 61. No other kernel of the chapter's
// network takes more than 1.4 seconds. Each process compiles anew. DXC, the newer compiler, takes
// one second at most, but the binding's wgpu is built without it and uses FXC even if asked for
// DXC.
const fxcSharedBytes = 0

// maxIterations returns the number of iterations after which Mesa's llvmpipe before version 25
// leaves the loops of an invocation, without an error (LP_MAX_TGSI_LOOP_ITERATIONS in
// src/gallium/auxiliary/gallivm/lp_bld_limits.h). It returns 0 for drivers without such a limit.
func maxIterations(name, driver string) int {
	var major int
	if _, err := fmt.Sscanf(driver, "Mesa %d.", &major); err != nil || major >= 25 ||
		!strings.Contains(name, "llvmpipe") {
		return 0
	}
	return 65535
}

func clampInt64(v uint64) int64 { return int64(min(v, 1<<62)) }

// choose returns the index of the adapter that want asks for. The adapters in all are in order of
// preference.
func choose(all []Adapter, want string) (int, error) {
	var rules []func(Adapter) bool // the first rule that some adapter meets decides
	switch strings.ToLower(want) {
	case "", "auto":
		rules = append(rules, func(Adapter) bool { return true })
	case "gpu":
		rules = append(rules, func(a Adapter) bool { return a.Class != Software })
	case "cpu":
		rules = append(rules, func(a Adapter) bool { return a.Class == Software })
	default:
		rules = append(rules,
			func(a Adapter) bool { return strings.EqualFold(a.ID(), want) },
			func(a Adapter) bool { return strings.EqualFold(a.Name, want) || strings.EqualFold(a.Backend, want) },
			func(a Adapter) bool { return strings.Contains(strings.ToLower(a.Name), strings.ToLower(want)) })
	}
	for _, rule := range rules {
		if i := slices.IndexFunc(all, rule); i >= 0 {
			return i, nil
		}
	}
	if len(all) == 0 {
		missed := machine.GPU()
		if missed != "" {
			missed = "; " + missed
		}
		return 0, fmt.Errorf("%w: %s%s", ErrNoAdapter, noDriver(runtime.GOOS), missed)
	}
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID())
	}
	return 0, fmt.Errorf("%w matches %q; the adapters are: %s", ErrNoAdapter, want, strings.Join(ids, ", "))
}

// noDriver returns a line that says which driver was not found on a system and what to install.
func noDriver(goos string) string {
	switch goos {
	case "linux":
		return "no Vulkan driver was found; install the GPU's, or Mesa's, which needs no GPU: mesa-vulkan-drivers on Debian and Ubuntu " +
			"(cmd/setup.sh does), vulkan-loader and mesa-vulkan-drivers on Fedora, vulkan-icd-loader and vulkan-swrast on Arch"
	case "windows":
		return "no DX12 or Vulkan driver was found; Windows 10 and later have DX12 and need no GPU for it: install what Windows Update offers, or the GPU's driver"
	case "darwin":
		return "no Metal device was found; macOS 10.13 and later have Metal where there is a GPU that it knows, and a virtual machine may have none"
	}
	return "no Vulkan driver was found; install the GPU's, or Mesa's, which needs no GPU"
}
