package report_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nin"
	"wgnin/nin/report"
	"wgnin/nin/session"
	"wgnin/nn"
)

// plan predicts the chapter's training on up to ranks ranks, where a step of 128 images takes a
// second.
func plan(t *testing.T, ranks int, n report.Network) []report.ScalingRow {
	recipe, err := nin.Find("d2l")
	require.NoError(t, err)
	s, err := report.PlanScaling(gpu.Dry(gpu.Guaranteed, false), recipe, 128, ranks, n,
		report.GivenCompute(time.Second, 128))
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, s.Write(&out))
	assert.Contains(t, out.String(), "computed, not measured")
	return s.Rows
}

// A network that takes no time adds nothing to a step. With a slow one, a rank waits for the last
// layer, but for less than the whole exchange.
func TestScaling(t *testing.T) {
	const most = 1024
	free := plan(t, most, report.Network{BitsPerSecond: 1e30})
	require.Len(t, free, 11)
	for i, r := range free {
		assert.Equal(t, 1<<i, r.Ranks)
		assert.InDelta(t, 1, r.Weak.Seconds, 1e-6)
		assert.InDelta(t, 1, r.Weak.Efficiency, 1e-6)
		if r.Strong != nil {
			assert.InDelta(t, 1/float64(r.Ranks), r.Strong.Seconds, 1e-6)
		}
	}
	assert.NotNil(t, free[7].Strong)
	assert.Nil(t, free[8].Strong, "there are 128 images")

	fast := plan(t, most, report.Network{BitsPerSecond: 10e9, Latency: 50e-6, Overhead: 1e-6})
	slow := plan(t, most, report.Network{BitsPerSecond: 1e8, Latency: 50e-6, Overhead: 1e-6})
	for i := range fast {
		f, s := fast[i], slow[i]
		if i == 0 {
			assert.Zero(t, f.Bytes)
			assert.InDelta(t, 1, s.Weak.Efficiency, 1e-9)
			continue
		}
		assert.Equal(t, f.Bytes, s.Bytes)
		assert.Less(t, f.Weak.Seconds, s.Weak.Seconds)
		assert.Less(t, s.Weak.Exposed, s.Exchange, "a part is hidden")
		assert.Greater(t, f.Weak.Exposed, 0.0, "the exchange of the last layer is not hidden")
		assert.Less(t, f.Weak.Efficiency, fast[i-1].Weak.Efficiency)
	}
	// 8 MB at 10 Gb/s take 6.4 ms; all but the last chunks are hidden behind half a second of
	// computing.
	assert.Less(t, fast[1].Weak.Exposed, fast[1].Exchange/2)
	// At 100 Mb/s they take 640 ms, more than the last micro-batch.
	assert.InDelta(t, float64(fast[1].Bytes)*8/1e8, slow[1].Exchange, 0.01)
}

// Ranks send as many bytes as the model predicts.
func TestScalingHasTheBytesOfRanks(t *testing.T) {
	recipe, err := nin.Find("mini")
	require.NoError(t, err)
	const batch = 8
	s, err := report.PlanScaling(gputest.Device(t), recipe, batch, 4, report.Network{BitsPerSecond: 1e9},
		report.GivenCompute(time.Second, batch))
	require.NoError(t, err)
	for i, n := range []int{1, 2, 4} {
		sent := make([]int64, n)
		errs := make([]error, n)
		var all sync.WaitGroup
		for k, r := range nn.Loopback(n) {
			all.Go(func() {
				if sent[k], errs[k] = oneStep(recipe, r, batch*n); errs[k] != nil {
					r.Abort(errs[k])
				}
			})
		}
		all.Wait()
		for k := range n {
			require.NoError(t, errs[k])
			assert.Equal(t, s.Rows[i].Bytes, sent[k], "rank %d of %d", k, n)
		}
	}
}

// oneStep trains one step on a rank, and returns the bytes that the rank says it has sent. It
// returns an error if these are not the counted bytes.
func oneStep(recipe nin.Recipe, r nn.Ranks, batch int) (sent int64, err error) {
	counted := &counting{Ranks: r}
	if sent, err = trainOneStep(recipe, counted, batch); err == nil && r.Size() > 1 && sent != counted.sent {
		err = assert.AnError
	}
	return sent, err
}

// counting counts the bytes that a rank sends to others in the all-to-alls and all-gathers of a
// step.
type counting struct {
	nn.Ranks
	sent int64
}

func (c *counting) AllToAll(send, recv []byte) error {
	c.sent += int64(len(send) / c.Size() * (c.Size() - 1))
	return c.Ranks.AllToAll(send, recv)
}

func (c *counting) AllGather(send, recv []byte) error {
	if len(send) > 4 { // shorter ones agree on the size of the micro-batch
		c.sent += int64(len(send) * (c.Size() - 1))
	}
	return c.Ranks.AllGather(send, recv)
}

func trainOneStep(recipe nin.Recipe, r nn.Ranks, batch int) (int64, error) {
	dev, err := gpu.Open(gpu.Options{Adapter: os.Getenv("NIN_ADAPTER"), Portable: os.Getenv("NIN_PORTABLE") == "1"})
	if err != nil {
		return 0, err
	}
	defer dev.Close()
	on, err := session.New(dev, recipe.Net(10, recipe.Dropout), recipe.In, nn.Across(r))
	if err != nil {
		return 0, err
	}
	defer on.Close()
	if err := on.Net.Init(recipe.Init, 1); err != nil {
		return 0, err
	}
	if err := on.Load(session.Noise(recipe.In, batch, 10), nil); err != nil {
		return 0, err
	}
	if err := on.Train(nn.TrainConfig{Hyper: nn.Hyper{Batch: batch, Epochs: 1, Rate: 0.01,
		Momentum: recipe.Momentum}}); err != nil {
		return 0, err
	}
	for _, err := range on.Trainer.Steps(context.Background()) {
		if err != nil {
			return 0, err
		}
	}
	sent, _ := on.Trainer.Exchanged()
	return sent, nil
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"10Gb": 10e9, "2.5Gb/s": 2.5e9, "100Mbit": 1e8, "64kb": 64e3,
		"1Tb": 1e12, "300b": 300} {
		got, err := report.ParseRate(text)
		require.NoError(t, err, text)
		assert.InEpsilon(t, want, got, 1e-12, text)
	}
	for _, text := range []string{"", "10", "10G", "10GB", "b", "-1Gb", "NaNb", "1e30Gb", "Gb"} {
		_, err := report.ParseRate(text)
		assert.ErrorContains(t, err, "want bits per second, such as 10Gb or 100Mb", text)
	}
}
