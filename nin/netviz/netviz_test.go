package netviz_test

import (
	"context"
	"errors"
	"image"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
	"wgnin/nin/netviz"
	"wgnin/nin/nintest"
	"wgnin/nn"
	"wgnin/nn/data"
	"wgnin/nn/files"
	"wgnin/viz"
)

// scene returns a scene of a network with initial weights, without images to choose from.
func scene(t *testing.T) *netviz.Scene {
	t.Helper()
	net, err := nintest.Branched(t).Net(gputest.Device(t))
	require.NoError(t, err)
	t.Cleanup(net.Close)
	s, err := netviz.New(net, netviz.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func draw(t *testing.T, s *netviz.Scene) *image.RGBA {
	t.Helper()
	img, err := s.Image(320, 240, 1)
	require.NoError(t, err)
	return img
}

// A scene without images begins with a black image. It shows an image that it is given, from memory
// or from a file.
func TestInput(t *testing.T) {
	s := scene(t)
	black := draw(t, s)
	require.ErrorContains(t, s.SetSample(0), "there is no sample 0")

	see := image.NewGray(image.Rect(0, 0, 20, 30))
	for i := range see.Pix {
		see.Pix[i] = uint8(i)
	}
	path := filepath.Join(t.TempDir(), "see.png")
	require.NoError(t, files.WritePNG(path, see))
	im, err := data.FromImage(see, 1)
	require.NoError(t, err)
	require.NoError(t, s.SetInput(im))
	shown := draw(t, s)
	assert.NotEqual(t, black.Pix, shown.Pix)
	require.NoError(t, s.SetInput(&data.Images{C: 1, H: 30, W: 20, Pixels: make([]uint8, 600), Labels: []uint8{0}}))
	assert.NotEqual(t, shown.Pix, draw(t, s).Pix)
	require.NoError(t, s.SetFile(path))
	assert.Equal(t, shown.Pix, draw(t, s).Pix)

	require.ErrorContains(t, s.SetFile(path+"x"), "see.pngx")
	require.EqualError(t, s.SetInput(&data.Images{C: 1, H: 30, W: 20, Labels: []uint8{0, 0}}), "2 images; want one")
	require.ErrorContains(t, s.SetInput(&data.Images{C: 1, H: 30, W: 20, Labels: []uint8{0}}),
		"has 0 values; want 1 for each")
}

// An output that is not finite gives an error that names the layer.
func TestNotFinite(t *testing.T) {
	m := nintest.Branched(t)
	for _, w := range m.Weights {
		for i := range w.Data {
			w.Data[i] = 1e38
		}
	}
	net, err := m.Net(gputest.Device(t))
	require.NoError(t, err)
	defer net.Close()
	s, err := netviz.New(net, netviz.Options{})
	require.NoError(t, err)
	defer s.Close()
	err = s.SetInput(&data.Images{C: 1, H: 1, W: 1, Pixels: []uint8{255}, Labels: []uint8{0}})
	require.ErrorIs(t, err, nn.ErrDiverged)
	assert.ErrorContains(t, err, "the output of layer 0")
}

// fakeWindow calls the next of acts in each Wait.
type fakeWindow struct {
	acts   []func()
	frames []bool // busy or not
	closed bool
	err    error
}

func (w *fakeWindow) Changed()     {}
func (w *fakeWindow) Closed() bool { return w.closed }
func (w *fakeWindow) Wait() {
	w.acts[0]()
	w.acts = w.acts[1:]
}
func (w *fakeWindow) Frame(busy bool) (bool, error) {
	w.frames = append(w.frames, busy)
	return true, w.err
}

// A turn draws once and returns, unless the user has paused the training. Then it draws until the
// user continues the training, asks for a step or closes the window, or the context is done.
func TestTurn(t *testing.T) {
	s := scene(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &fakeWindow{}
	paused := 0
	pause := func(wait func() error) error { paused++; return wait() }
	turn := func(acts ...func()) (frames []bool) {
		t.Helper()
		w.acts, w.frames = acts, nil
		require.NoError(t, s.Turn(ctx, w, pause))
		assert.Empty(t, w.acts)
		return w.frames
	}
	nothing, key := func() {}, func(k viz.Key) func() { return func() { s.Key(k) } }
	assert.Equal(t, []bool{true}, turn())
	assert.Zero(t, paused)
	s.Key(viz.KeyPause)
	assert.Equal(t, []bool{true, false, false}, turn(nothing, key(viz.KeyStep)))
	assert.Equal(t, 1, paused)
	require.NoError(t, s.Step(viz.Step{Step: 1, Steps: 2})) // the requested step
	assert.Equal(t, []bool{true, false}, turn(key(viz.KeyPause)))
	s.Key(viz.KeyPause)
	assert.Equal(t, []bool{true, false}, turn(func() { w.closed = true }))
	w.closed = false
	assert.Equal(t, []bool{true, false}, turn(cancel))
	w.err = errors.New("no surface")
	assert.Equal(t, w.err, s.Turn(t.Context(), w, nil))
}
