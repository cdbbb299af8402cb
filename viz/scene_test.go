package viz

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/gpu"
	"wgnin/gpu/gputest"
	"wgnin/nn"
	"wgnin/nn/data"
)

// lab is a small network on real images, and what a scene is given of it.
type lab struct {
	dev    *gpu.Device
	net    *nn.Net
	probe  *nn.Probe
	set    *data.Images
	source Source
	pixels []uint8 // the last ones given to SetPixels
	saved  []*image.RGBA
}

func newLab(t testing.TB) *lab {
	l := &lab{dev: gputest.Device(t)}
	network := nn.Sequential{ // few kernels, which take long to compile, and many maps
		nn.Sequential{nn.Conv2D{Out: 24, Kernel: 5, Pad: nn.Pad(2)}, nn.ReLU{},
			nn.Conv2D{Out: 32, Kernel: 1}, nn.ReLU{}},
		nn.MaxPool2D{Kernel: 3, Stride: 2},
		nn.Sequential{nn.Conv2D{Out: 32, Kernel: 3, Pad: nn.Pad(1)}, nn.ReLU{}, nn.Conv2D{Out: 10, Kernel: 1}},
		nn.GlobalAvgPool2D{},
		nn.Flatten{},
	}
	var err error
	l.set, _, err = data.Load(context.Background(), "fashion-mnist",
		data.LoadOptions{Dir: "../nn/data/testdata/fashion-mnist"})
	require.NoError(t, err)
	l.net, err = nn.NewNet(l.dev, network, nn.Shape{C: 1, H: 28, W: 28})
	require.NoError(t, err)
	t.Cleanup(l.net.Close)
	require.NoError(t, l.net.Init(nn.He, 1))
	l.probe, err = nn.NewProbe(l.net)
	require.NoError(t, err)
	t.Cleanup(l.probe.Close)

	in := l.probe.Input
	l.source = Source{
		Title: "a small network", Classes: l.set.Classes, CAM: -1, Canvas: image.Pt(28, 28), Samples: l.set.Len(),
		History: 16 << 20,
		Input:   Tensor{Data: in.Data, Shape: [4]int{1, in.C, in.H, in.W}, Stride: [4]int{0, 1, in.W * in.C, in.C}},
		Forward: l.probe.Run,
		Sample:  func(i int) (int, error) { return int(l.set.Labels[i]), l.probe.SetImage(l.set, i) },
		SetPixels: func(pixels []uint8, w, h int) error {
			l.pixels = slices.Clone(pixels)
			return l.probe.SetPixels(pixels, h, w, 0)
		},
		Save: func(img *image.RGBA) (string, error) {
			l.saved = append(l.saved, img)
			return "a.png", nil
		},
	}
	for i, p := range l.probe.Layers {
		y := p.Output
		t := Tensor{Data: y.Data, Shape: [4]int{y.C, 1, y.H, y.W}, Stride: [4]int{1, 0, y.W * y.Stride, y.Stride}}
		t.Signed = i > 3 // where no ReLU follows
		layer := Layer{Name: p.Path, Kind: p.String(),
			Short:      strings.Join(strings.Fields(p.String())[:min(2, len(strings.Fields(p.String())))], " "),
			Activation: t, Gradient: t}
		layer.Gradient.Data, layer.Gradient.Signed = y.Grad, true
		layer.Weights = Tensor{Data: p.Weight, Shape: p.WeightShape, Stride: p.WeightStride, Signed: true}
		layer.WeightGradient = layer.Weights
		layer.WeightGradient.Data = p.WeightGrad
		if _, ok := p.Layer.(nn.GlobalAvgPool2D); ok {
			l.source.CAM = i - 1
		}
		l.source.Layers = append(l.source.Layers, layer)
	}
	return l
}

func (l *lab) scene(t testing.TB) *Scene {
	s, err := NewScene(l.dev, l.source)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func shot(t testing.TB, s *Scene, width, height int) *image.RGBA {
	img, err := s.Image(width, height, 1)
	require.NoError(t, err)
	return img
}

// read are the numbers of a tensor, in order.
func read(t testing.TB, x Tensor) []float64 {
	words := make([]float32, x.Data.Bytes()/4)
	require.NoError(t, gpu.Read(x.Data, words))
	var values []float64
	for i := range x.Shape[0] {
		for j := range x.Shape[1] {
			for k := range x.Shape[2] {
				for l := range x.Shape[3] {
					values = append(values,
						float64(words[x.Offset+i*x.Stride[0]+j*x.Stride[1]+k*x.Stride[2]+l*x.Stride[3]]))
				}
			}
		}
	}
	return values
}

// training tells s of steps, as a run would.
func training(t testing.TB, s *Scene, steps int) {
	for i := 1; i <= steps; i++ {
		wobble := 1 + 0.2*math.Sin(float64(i*i))
		require.NoError(t, s.Step(Step{
			Step: i, Steps: 100, Epoch: float64(i) / 20, Loss: 2.3 * math.Exp(-float64(i)/40) * wobble,
			ImagesPerSecond: 431, Weights: i,
		}))
		if i%20 == 0 {
			s.Tested(TestScore{Epoch: i / 20, TestLoss: 1.6 - float64(i)/80, TestAccuracy: 0.4 + float64(i)/200})
		}
	}
}

var update = flag.Bool("update", false, "write the pictures that pictures are compared with")

// TestPictures compares pictures with those in testdata, which are to be looked
// at when they change. A level that is rounded to the neighbouring one of 256
// changes a colour by at most 12 in a channel, and so may the edge of a letter
// on another processor; one pixel in a thousand may be anything.
func TestPictures(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		name          string
		width, height int
		scale         float64
		do            func(t *testing.T, s *Scene)
	}{
		{"activations", 900, 560, 1, func(*testing.T, *Scene) {}},
		{"training", 900, 560, 1, func(t *testing.T, s *Scene) {
			training(t, s, 50)
			require.NoError(t, s.SetLayer("2.0"))
			s.FrameTime(3600 * time.Microsecond)
			s.Key(KeyNormalisation)
			s.Key(KeyBack)
			s.Key(KeyNextMap)
			s.Key(KeyNextMap)
		}},
		{"kernels", 900, 600, 1.5, func(t *testing.T, s *Scene) {
			require.NoError(t, s.SetLayer("2.0"))
			s.Key(KeyView)
			s.Key(KeyView)
			s.Key(KeyNextPlane)
			s.Key(KeyNextClass)
		}},
		{"zoom", 560, 360, 1, func(t *testing.T, s *Scene) {
			s.Key(KeyNextSample)
			s.Key(KeyView)
			s.Key(KeyColours)
			s.Key(KeyPrevMap)
			s.Key(KeyZoom)
		}},
		{"classes", 760, 480, 1, func(t *testing.T, s *Scene) { require.NoError(t, s.SetLayer("2.2")) }},
		{"logits", 760, 480, 1, func(t *testing.T, s *Scene) {
			require.NoError(t, s.SetSample(1))
			require.NoError(t, s.SetLayer("3"))
			s.Key(KeyNextMap)
			s.Key(KeyPrevMap)
			for s.Key(KeyNextClass); s.camMost() > 0 || s.class == 0; s.Key(KeyNextClass) { // nothing counts for it
				shot(t, s, 760, 480)
			}
			s.class--
		}},
		{"help", 560, 360, 1, func(_ *testing.T, s *Scene) { s.Key(KeyHelp) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := l.scene(t)
			c.do(t, s)
			got, err := s.Image(c.width, c.height, c.scale)
			require.NoError(t, err)
			for range 2 { // what is remembered from picture to picture does not show
				again, err := s.Image(c.width, c.height, c.scale)
				require.NoError(t, err)
				require.True(t, bytes.Equal(got.Pix, again.Pix), "the same is drawn again")
			}
			file := filepath.Join("testdata", c.name)
			if *update {
				write(t, file+".png", got)
			}
			f, err := os.Open(file + ".png")
			require.NoError(t, err)
			defer f.Close()
			want, err := png.Decode(f)
			require.NoError(t, err)
			require.Equal(t, want.Bounds(), got.Bounds())
			wrong := 0
			for y := range c.height {
				for x := range c.width {
					a, b := color.RGBAModel.Convert(want.At(x, y)).(color.RGBA), got.RGBAAt(x, y)
					far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 12 }
					if far(a.R, b.R) || far(a.G, b.G) || far(a.B, b.B) || b.A != 255 {
						wrong++
					}
				}
			}
			if wrong > c.width*c.height/1000 {
				write(t, file+"-bad.png", got)
				t.Errorf("%d of %d pixels differ; what was drawn is %s-bad.png", wrong, c.width*c.height, file)
			}
		})
	}
}

func write(t *testing.T, file string, img image.Image) {
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, img))
	require.NoError(t, f.Close())
}

// TestKeysAndBack presses keys that undo each other: the picture changes, and
// then is the same to the bit.
func TestKeysAndBack(t *testing.T) {
	l := newLab(t)
	l.source.Samples = 3
	s := l.scene(t)
	training(t, s, 5)
	require.NoError(t, s.SetLayer("2.0"))
	s.Key(KeyView)
	s.Key(KeyView) // kernels, so that planes show
	press := func(k Key, n int) func() {
		return func() {
			for range n {
				s.Key(k)
			}
		}
	}
	click := func(r func() image.Point) func() {
		return func() {
			p := r()
			s.MouseButton(true, float64(p.X), float64(p.Y))
			s.MouseButton(false, float64(p.X), float64(p.Y))
			s.MouseMove(-1, -1)
		}
	}
	s.MouseMove(-1, -1)
	for _, c := range []struct {
		name     string
		do, undo func()
	}{
		{"layer", press(KeyLayerDown, 2), press(KeyLayerUp, 2)},
		{"sample", press(KeyNextSample, 1), press(KeyPrevSample, 1)},
		{"sample, round", press(KeyNextSample, 2), press(KeyNextSample, 1)},
		{"normalisation", press(KeyNormalisation, 1), press(KeyNormalisation, 2)},
		{"all layers", press(KeyNormalisation, 2), press(KeyNormalisation, 1)},
		{"colours", press(KeyColours, 1), press(KeyColours, 3)},
		{"view", press(KeyView, 1), press(KeyView, 3)},
		{"map", press(KeyNextMap, 3), press(KeyEscape, 1)},
		{"the last map", press(KeyPrevMap, 1), press(KeyEscape, 1)},
		{"zoom", press(KeyZoom, 1), press(KeyEscape, 1)},
		{"plane", press(KeyNextPlane, 1), press(KeyPrevPlane, 1)},
		{"class", press(KeyNextClass, 1), press(KeyNextClass, 10)},
		{"pause", press(KeyPause, 1), press(KeyPause, 1)},
		{"follow", press(KeyFreeze, 1), press(KeyFreeze, 1)},
		{"help", press(KeyHelp, 1), press(KeyEscape, 1)},
		{"past", press(KeyBack, 2), func() { s.Key(KeyForward); s.Key(KeyForward); press(KeyView, 2)() }},
		{"past, now", press(KeyBack, 2), func() { s.Key(KeyNow); press(KeyView, 2)() }},
		{"click on a layer", click(func() image.Point {
			return s.layout.list.Min.Add(image.Pt(9, 3))
		}), func() { require.NoError(t, s.SetLayer("2.0")) }},
		{"click on a bar", click(func() image.Point { return s.layout.bars.Min.Add(image.Pt(9, s.layout.row*3/2)) }),
			click(func() image.Point { return s.layout.bars.Min.Add(image.Pt(9, s.layout.row*3/2)) })},
		{"click on a map", click(func() image.Point {
			return s.layout.grid.rect.Min.Add(image.Pt(12, 12))
		}), press(KeyEscape, 1)},
		{"drag the timeline", click(func() image.Point {
			return s.layout.timeline.Min.Add(image.Pt(9, 5))
		}), func() { s.Key(KeyNow); press(KeyView, 2)() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := shot(t, s, 900, 600)
			c.do()
			assert.False(t, bytes.Equal(before.Pix, shot(t, s, 900, 600).Pix), "it shows")
			c.undo()
			assert.True(t, bytes.Equal(before.Pix, shot(t, s, 900, 600).Pix), "it is undone")
		})
	}
}

// TestNumbers compares the numbers that are shown with those on the device.
func TestNumbers(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	const name = "0.2"
	require.NoError(t, s.SetLayer(name))
	shot(t, s, 900, 600)
	g := s.layout.grid
	// The middle of the value at row 5, column 7 of map 10.
	at := g.rect.Min.Add(image.Pt(g.gap+10%g.columns*(g.cellW+g.gap)+(2*7+1)*g.cellW/56,
		g.gap+10/g.columns*(g.cellH+g.gap)+(2*5+1)*g.cellH/56))
	s.MouseMove(float64(at.X), float64(at.Y))
	shot(t, s, 900, 600)
	x := l.source.Layers[s.layer].Activation
	values := read(t, x)
	size := x.Shape[2] * x.Shape[3]
	said := s.legend()
	assert.Equal(t, "(5, 7)  "+number(values[10*size+5*28+7]), said.value)
	part := values[10*size:][:size]
	sum, off := 0.0, 0
	for _, v := range part {
		sum += v
		if v <= 0 {
			off++
		}
	}
	assert.Equal(t, []string{
		"map 10", "min " + number(slices.Min(part)), "max " + number(slices.Max(part)),
		"mean " + number(sum/float64(size)), fmt.Sprintf("≤ 0  %.0f %%", 100*float64(off)/float64(size)),
	}, said.stats)

	s.MouseMove(-1, -1)
	shot(t, s, 900, 600)
	assert.Contains(t, s.legend().stats, "max "+number(slices.Max(values)))

	logits := read(t, l.source.logits())
	assert.Equal(t, logits, s.logits())
	assert.Equal(t, slices.Index(logits, slices.Max(logits)), s.camClass())
	shown, sum := s.Shown(), 0.0
	assert.Equal(t, Shown{Truth: l.set.Classes[l.set.Label(0)], Classes: shown.Classes}, shown)
	assert.Equal(t, s.src.class(s.camClass()), shown.Classes[0].Name)
	for _, c := range shown.Classes {
		sum += c.Probability
	}
	assert.InDelta(t, 1, sum, 1e-3)

	// In the colours of all layers, white is the largest number of any.
	s.Key(KeyNormalisation)
	s.Key(KeyNormalisation)
	shot(t, s, 900, 600)
	largest := math.Inf(-1)
	for _, layer := range l.source.Layers {
		largest = max(largest, slices.Max(read(t, layer.Activation)))
	}
	assert.Equal(t, number(largest), s.legend().high)

	// What is chosen while a run goes on has its numbers at once.
	training(t, s, 1)
	require.NoError(t, s.SetLayer("2.0"))
	_, err := s.Draw(900, 600, 1)
	require.NoError(t, err)
	assert.Contains(t, s.legend().stats, "max "+number(slices.Max(read(t, l.source.Layers[s.layer].Activation))))
}

// A map is silent if a ReLU leaves nothing of it, and only then.
func TestSilent(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	silentIn := func(name string) (silent []int) {
		require.NoError(t, s.SetLayer(name))
		shot(t, s, 900, 600)
		x := l.source.Layers[s.layer].Activation
		values, size := read(t, x), x.Shape[2]*x.Shape[3]
		for m := range x.Shape[0] {
			if slices.Max(values[m*size:][:size]) <= 0 {
				silent = append(silent, m)
			}
		}
		return silent
	}
	require.NoError(t, s.SetSample(3))
	silent := silentIn("2.0")
	require.NotEmpty(t, silent)
	assert.Equal(t, fmt.Sprintf("%d of 32 silent for this image", len(silent)), s.legend().silent)
	for m := range 32 {
		s.Key(KeyNextMap)
		shot(t, s, 900, 600)
		assert.Equal(t, slices.Contains(silent, m), s.legend().silent == "silent for this image", m)
	}
	s.Key(KeyEscape)
	require.Empty(t, silentIn("0.2"))
	assert.Empty(t, s.legend().silent)
	require.NotEmpty(t, silentIn("3"), "logits below zero")
	assert.Empty(t, s.legend().silent)
}

// A map that is zoomed in on has the colours of its own range, whatever those of all maps are.
func TestZoomRescales(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	require.NoError(t, s.SetLayer("0.2"))
	shot(t, s, 900, 600)
	values := read(t, l.source.Layers[1].Activation)
	size := len(values) / 32
	for range 3 {
		s.Key(KeyNextMap)
		s.Key(KeyZoom)
		shot(t, s, 900, 600)
		assert.Equal(t, number(slices.Max(values[:size])), s.legend().high)
		brightest := image.NewUniform(s.palettes.colour(0, false, levels-1)).C
		img, found := shot(t, s, 900, 600), false
		for y := s.layout.grid.rect.Min.Y; y < s.layout.grid.rect.Max.Y; y++ {
			for x := s.layout.grid.rect.Min.X; x < s.layout.grid.rect.Max.X; x++ {
				found = found || img.At(x, y) == brightest
			}
		}
		assert.True(t, found, "the largest value has the last colour")
		s.Key(KeyEscape)
		s.Key(KeyNormalisation)
	}
}

// The class map is orange where its class is seen. A class of which nothing is seen has a sentence
// in place of the map.
func TestClassMap(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	require.NoError(t, s.SetSample(1))
	const cam = 4
	nothing := 0
	for class := range 10 {
		s.Key(KeyNextClass)
		img := shot(t, s, 900, 600)
		x := l.source.Layers[cam].Activation
		most := slices.Max(read(t, x.maps(class, 1)))
		assert.InDelta(t, most, s.camMost(), 1e-9)
		r := s.layout.cam
		hued, plain := 0, 0
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				c := img.RGBAAt(x, y)
				if c == raised {
					plain++
				}
				if int(c.R) > int(c.B)+20 {
					hued++
				}
			}
		}
		if most <= 0 {
			nothing++
		}
		assert.Equal(t, most > 0, hued > 0, class)
		assert.Equal(t, most <= 0, plain > r.Dx()*r.Dy()/2, class)
	}
	assert.Positive(t, nothing)
}

// Escape leaves one thing after the other and then quits, and q quits; neither does in a place that
// cannot be left, and there the keys are not named.
func TestQuit(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	named := func() bool {
		return slices.Contains(s.footerKeys(), [2]string{"Q", "quit"}) &&
			slices.Contains(s.helpLines(), [2]string{"Q", "quit"})
	}
	s.Key(KeyEscape)
	s.Key(KeyOf('q'))
	assert.False(t, named())
	quits := 0
	s.OnQuit(func() { quits++ })
	assert.True(t, named())
	shot(t, s, 400, 300)
	s.Key(KeyZoom)
	s.Key(KeyHelp)
	s.Key(KeyEscape)
	assert.False(t, s.help)
	assert.True(t, s.zoom)
	s.Key(KeyEscape)
	assert.False(t, s.zoom)
	assert.Zero(t, quits)
	s.Key(KeyEscape)
	assert.Equal(t, 1, quits)
	s.Key(KeyOf('Q'))
	assert.Equal(t, 2, quits)
}

// TestNoMapComesToTheHost draws while a run goes on: only the statistics come,
// in about one read a picture, and none when nothing has changed.
func TestNoMapComesToTheHost(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	const pictures = 20
	reads, before := l.dev.Reads()
	for i := range pictures {
		training(t, s, 1)
		s.Key(KeyNextMap)
		if i%5 == 4 {
			s.Key(KeyLayerDown)
		}
		_, err := s.Draw(900, 600, 1)
		require.NoError(t, err)
	}
	after, read := l.dev.Reads()
	// Where a layer is new, another class may turn out to be the most likely,
	// and its map is then counted again.
	assert.LessOrEqual(t, after-reads, int64(pictures+pictures/5))
	assert.LessOrEqual(t, read-before, (after-reads)*int64(s.at.host)*16)
	assert.Less(t, int64(s.at.host)*16, int64(4096), "it is a few numbers")

	_, err := s.Draw(900, 600, 1) // takes what is pending
	require.NoError(t, err)
	reads, _ = l.dev.Reads()
	for range 5 {
		_, err := s.Draw(900, 600, 1)
		require.NoError(t, err)
	}
	after, _ = l.dev.Reads()
	assert.Equal(t, reads, after)
}

// TestPast trains, as far as a scene can tell, with weights that are new at each
// step, and goes back: the maps are those of then.
func TestPast(t *testing.T) {
	l := newLab(t)
	moment := l.source.Input.Data.Bytes()
	for _, layer := range l.source.Layers {
		moment += layer.Activation.Data.Bytes() + 255
	}
	l.source.History = 4*moment + moment/2 // four moments, and not five
	s := l.scene(t)
	_, before := l.dev.Usage()
	then := map[int][]float64{}
	look := func() []float64 {
		shot(t, s, 400, 300)
		return slices.Concat(read(t, s.tensor(1)), read(t, s.tensor(3)), s.logits())
	}
	for i := range 12 {
		require.NoError(t, l.net.Init(nn.He, uint64(i)))
		require.NoError(t, s.Step(Step{Step: max(i, 1), Steps: 11, Epoch: float64(i) / 4, Loss: 1, Weights: i}))
		then[i] = look()
	}
	_, after := l.dev.Usage()
	assert.LessOrEqual(t, after-before, l.source.History+400*300*4+32<<10, "the past is bounded")

	var kept []int
	for i, m := range s.past.kept {
		kept = append(kept, m.step)
		s.past.show(i)
		assert.Equal(t, then[m.step], look(), "step %d", m.step)
	}
	assert.Equal(t, []int{0, 4, 8}, kept, "it spans the run, at an interval that has grown")
	s.Key(KeyNow)
	assert.Equal(t, then[11], look())
}

func TestOwnImage(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	before := shot(t, s, 900, 600)
	g := s.layout.input
	at := func(col, row float64) (x, y float64) {
		return float64(g.rect.Min.X) + (col+0.5)*float64(g.cellW)/28,
			float64(g.rect.Min.Y) + (row+0.5)*float64(g.cellH)/28
	}
	x, y := at(5, 9)
	s.MouseButton(true, x, y)
	x, y = at(20, 9)
	s.MouseMove(x, y)
	s.MouseButton(false, x, y)
	s.MouseMove(at(20, 25)) // not held any more
	require.Len(t, l.pixels, 28*28)
	for i, v := range l.pixels {
		row, col := i/28, i%28
		switch {
		case row == 9 && col >= 5 && col <= 20:
			assert.EqualValues(t, 255, v, "on the line at %d", col)
		case row < 7 || row > 11 || col < 3 || col > 22:
			assert.Zero(t, v, "away from the line at %d, %d", row, col)
		}
	}
	drawn := shot(t, s, 900, 600)
	assert.False(t, bytes.Equal(before.Pix, drawn.Pix))
	values := read(t, l.source.Input)
	assert.EqualValues(t, 1, values[9*28+12], "the network sees it")
	assert.Equal(t, Shown{Sample: -1, Own: true, Classes: s.Shown().Classes}, s.Shown())
	s.Key(KeyClear)
	assert.Equal(t, make([]uint8, 28*28), l.pixels)
	s.Key(KeyNextSample)
	s.Key(KeyPrevSample)
	s.MouseMove(-1, -1)
	assert.True(t, bytes.Equal(before.Pix, shot(t, s, 900, 600).Pix), "a sample is back")

	// An image of another size.
	require.NoError(t, s.SetImage(slices.Repeat([]uint8{76}, 90*30), 90, 30))
	assert.Equal(t, slices.Repeat([]uint8{76}, 90*30), l.pixels)
	s.Key(KeyInvert)
	assert.Equal(t, slices.Repeat([]uint8{255 - 76}, 90*30), l.pixels)
	assert.ErrorContains(t, s.SetImage(nil, 0, 9), "0x9")
	assert.ErrorContains(t, s.SetImage(make([]uint8, 9), 3, 4), "3x4 has 9 values")
	x, y = at(5, 9) // what is drawn then begins on an empty canvas
	s.MouseButton(true, x, y)
	assert.Len(t, l.pixels, 28*28)
	assert.Zero(t, l.pixels[0])
}

func TestPauseAndSave(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	assert.True(t, s.Advance())
	s.Key(KeyPause)
	assert.False(t, s.Advance())
	s.Key(KeyStep)
	s.Key(KeyStep)
	for i := range 2 {
		assert.True(t, s.Advance())
		assert.True(t, s.Advance()) // a test of the network comes between steps
		require.NoError(t, s.Step(Step{Step: i + 1, Steps: 2}))
	}
	assert.False(t, s.Advance())
	s.Key(KeyPause)
	assert.True(t, s.Advance())

	s.Key(KeyScreenshot)
	view, err := s.Draw(500, 300, 1)
	require.NoError(t, err)
	assert.EqualValues(t, 500*300*4, view.Bytes())
	require.Len(t, l.saved, 1)
	assert.Equal(t, "saved a.png", s.footerNote())
	shown, err := s.picture()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(shown.Pix, shot(t, s, 500, 300).Pix), "it says so at once")
	assert.False(t, bytes.Equal(shown.Pix, l.saved[0].Pix), "not in the picture that is saved")
	s.Key(KeyPause)
	assert.Equal(t, "paused", s.footerNote())
	s.Key(KeyScreenshot)
	_, err = s.Draw(500, 300, 1)
	require.NoError(t, err)
	assert.Equal(t, "saved a.png", s.footerNote(), "where it went comes first")
	assert.Equal(t, image.Rect(0, 0, 500, 300), l.saved[0].Bounds())
}

// TestSizes draws at many sizes, even absurd ones: what does not fit is left
// out, and no memory is left behind.
func TestSizes(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	training(t, s, 3)
	shot(t, s, 900, 600)
	buffers, _ := l.dev.Usage()
	for _, c := range []struct {
		width, height int
		scale         float64
	}{{16, 16, 1}, {17, 600, 1}, {16, 900, 2}, {2000, 16, 1}, {333, 217, 1.25}, {100, 100, 16}, {801, 601, 0.25},
		{640, 480, 3}, {900, 600, 1}} {
		for _, key := range []Key{KeyView, KeyView, KeyHelp, KeyView, KeyHelp, KeyView} {
			s.Key(key)
			_, err := s.Image(c.width, c.height, c.scale)
			require.NoError(t, err, "%dx%d at %g", c.width, c.height, c.scale)
		}
	}
	after, _ := l.dev.Usage()
	assert.Equal(t, buffers, after)
	for _, c := range []struct {
		width, height int
		scale         float64
	}{{15, 100, 1}, {0, 0, 1}, {-4, 100, 1}, {1 << 20, 100, 1}, {1 << 15, 1 << 15, 1}, {100, 100, 0},
		{100, 100, math.NaN()}} {
		_, err := s.Draw(c.width, c.height, c.scale)
		assert.ErrorContains(t, err, "want", "%dx%d at %g", c.width, c.height, c.scale)
	}
}

// TestFit asks of grids that they lie in their place, that their maps have the
// right shape, and that a pixel's number is the one that is drawn there.
func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fits := 0
	for range 500 {
		place := image.Rect(0, 0, 1+r.IntN(900), 1+r.IntN(700)).Add(image.Pt(r.IntN(50), r.IntN(50)))
		n, rows, cols, gap := 1+r.IntN(400), 1+r.IntN(60), 1+r.IntN(60), r.IntN(6)
		caption := max(0, r.IntN(40)-20)
		g := fit(place, n, rows, cols, gap, caption)
		if g.rect.Empty() {
			continue
		}
		fits++
		require.True(t, g.rect.In(place), "%v in %v", g.rect, place)
		assert.InDelta(t, float64(cols)/float64(rows), float64(g.cellW)/float64(g.cellH),
			float64(cols+rows)/float64(g.cellH)/float64(rows)+1e-9)
		last := image.Pt(gap+(n-1)%g.columns*(g.cellW+gap), gap+(n-1)/g.columns*(g.cellH+caption+gap)).Add(g.rect.Min)
		for _, p := range []image.Point{last, last.Add(image.Pt(g.cellW-1, g.cellH-1))} {
			m, row, col, ok := g.at(p)
			require.True(t, ok)
			assert.Equal(t, n-1, m)
			assert.Equal(t, [2]int{(p.Y - last.Y) * rows / g.cellH, (p.X - last.X) * cols / g.cellW}, [2]int{row, col})
		}
		_, _, _, ok := g.at(last.Sub(image.Pt(1, 0)))
		assert.Equal(t, gap == 0 && (n-1)%g.columns > 0, ok)
	}
	assert.Greater(t, fits, 100)
}

// Bars lie in their place, one below the other, and a pixel's bar is the one that is drawn there.
func TestValuesIn(t *testing.T) {
	of := func(n int) Tensor { return Tensor{Shape: [4]int{n, 1, 1, 1}} }
	place := image.Rect(10, 20, 410, 320)
	for _, n := range []int{1, 10, 15, 16, 30, 45} {
		v := valuesIn(place, of(n), 20, 120)
		require.Positive(t, v.columns, n)
		assert.True(t, v.rect.In(place), n)
		seen := map[int]bool{}
		for y := v.rect.Min.Y; y < v.rect.Max.Y; y++ {
			for x := v.rect.Min.X; x < v.rect.Max.X; x++ {
				if m, ok := v.at(image.Pt(x, y), n); ok {
					seen[m] = true
				}
			}
		}
		assert.Len(t, seen, n)
	}
	assert.Zero(t, valuesIn(place, of(46), 20, 120), "no room")
	assert.Zero(t, valuesIn(image.Rectangle{}, of(1), 20, 120))
	assert.Zero(t, valuesIn(place, Tensor{Shape: [4]int{3, 1, 2, 1}}, 20, 120), "maps")
}

func TestSourceRefused(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		says   string
		change func(*Source)
	}{
		{"no layers", func(s *Source) { s.Layers = nil }},
		{"no Forward", func(s *Source) { s.Forward = nil }},
		{"there are 6 layers", func(s *Source) { s.CAM = 6 }},
		{"layer 0.2: shape [32 1 29 28]", func(s *Source) { s.Layers[1].Activation.Shape[2]++ }},
		{"layer 0.0: shape [0 1 5 5]", func(s *Source) { s.Layers[0].Weights.Shape[0] = 0 }},
		{"input", func(s *Source) { s.Input.Offset = 1 }},
		{"canvas", func(s *Source) { s.Canvas.X = -1 }},
	} {
		src := l.source
		src.Layers = slices.Clone(src.Layers)
		c.change(&src)
		_, err := NewScene(l.dev, src)
		assert.ErrorContains(t, err, c.says)
	}
	s := l.scene(t)
	assert.EqualError(t, s.SetLayer("9"), `there is no layer "9"; want one of 0.0, 0.2, 1, 2.0, 2.2, 3`)
}
