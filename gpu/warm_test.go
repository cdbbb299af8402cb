package gpu

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Making a plan never waits for the last kernels of another plan to be compiled. The test opens its
// own device, with three helpers on any machine.
func TestCompilingAheadNeverBlocks(t *testing.T) {
	d, err := Open(Options{Adapter: "cpu"})
	if err != nil {
		t.Skip(err)
	}
	defer func() { require.NoError(t, d.Close()) }()
	for range 3 {
		h, err := Open(d.warmer.options)
		require.NoError(t, err)
		d.warmer.devices = append(d.warmer.devices, h)
	}
	type args struct {
		Y View `wgsl:"write array<f32>"`
	}
	y, err := d.NewBuffer("y", 64)
	require.NoError(t, err)
	defer y.Release()
	salt := time.Now().UnixNano() % 1000003 // so that no cache holds the kernels
	plan := func(tag, long int) {
		r := d.NewRecorder()
		for i := range 5 {
			lines := 1
			if i == 0 { // the last to be compiled, while the other helpers end
				lines = long
			}
			source := fmt.Sprintf("fn run(group : u32, lane : u32) { var v = %d.0; %s y[lane] = v; }\n", tag*10+i,
				strings.Repeat(fmt.Sprintf("v = sin(v * 1.5) + %d.0; ", salt), lines))
			Kernel[args]{Name: "test/sines", Groups: 1, Lanes: 8, Source: source}.Record(r, args{y.All()})
		}
		p, err := r.Plan()
		require.NoError(t, err)
		p.Release()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tag := range 3 {
			plan(tag, 200)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a plan waits for kernels that are compiled ahead")
	}
}
