package nn_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// held is what the process and the device hold.
type held struct {
	resident    int64 // bytes
	buffers     int
	bufferBytes int64
	goroutines  int
}

func holds(t *testing.T, dev *gpu.Device) held {
	dev.Wait()
	dev.WaitAhead()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, pages int64
	_, err = fmt.Sscan(string(text), &size, &pages)
	require.NoError(t, err)
	h := held{resident: pages * int64(os.Getpagesize()), goroutines: runtime.NumGoroutine()}
	h.buffers, h.bufferBytes = dev.Usage()
	return h
}

// Nothing grows with steps, evaluations, or models that were closed: neither the
// process nor the device nor the goroutines. The first tenth of each is left to
// fill caches; 4 MB are allowed for the allocators' own, where a leak of one
// batch a step would take 5.
func TestNothingGrows(t *testing.T) {
	dev := gputest.Device(t)
	set := &data.Images{C: 1, H: 9, W: 9, Pixels: make([]uint8, 16*81), Labels: make([]uint8, 16), Classes: make([]string, 10)}
	grows := func(name string, rounds int, round func(i int)) {
		var before held
		for i := range rounds {
			if i == rounds/10 {
				before = holds(t, dev)
			}
			round(i)
		}
		after := holds(t, dev)
		t.Logf("%s: %d rounds, %+d kB resident", name, rounds, (after.resident-before.resident)>>10)
		assert.LessOrEqual(t, after.resident-before.resident, int64(4<<20), name)
		assert.Equal(t, before.buffers, after.buffers, name)
		assert.Equal(t, before.bufferBytes, after.bufferBytes, name)
		assert.LessOrEqual(t, after.goroutines, before.goroutines, name)
	}

	images, err := nn.Upload(dev, set)
	require.NoError(t, err)
	defer images.Close()
	net := tuned(t, dev)
	require.NoError(t, net.Init(nn.He, 1))
	trainer, err := nn.NewTrainer(net, images, nn.TrainConfig{Batch: 8, Epochs: 1000, Shuffle: true, SGD: nn.SGD{Rate: nn.Constant(1e-3), Momentum: 0.9}})
	require.NoError(t, err)
	defer trainer.Close()
	step, stop := iter.Pull2(trainer.Steps(context.Background()))
	defer stop()
	grows("steps", trainer.Total(), func(int) {
		_, err, ok := step()
		require.True(t, ok)
		require.NoError(t, err)
	})

	eval, err := nn.NewEvaluator(net, images, 4)
	require.NoError(t, err)
	defer eval.Close()
	grows("evaluations", 200, func(int) {
		_, err := eval.Run(context.Background())
		require.NoError(t, err)
	})
	grows("models", 50, func(int) {
		net, err := nn.NewNet(dev, net.Layer, net.In)
		require.NoError(t, err)
		defer net.Close()
		e, err := nn.NewEvaluator(net, images, 4)
		require.NoError(t, err)
		e.Close()
		tr, err := nn.NewTrainer(net, images, nn.TrainConfig{Batch: 8, Epochs: 1, SGD: nn.SGD{Rate: nn.Constant(1e-3)}})
		require.NoError(t, err)
		tr.Close()
	})
}
