package nin_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"wgnin/nin"
	"wgnin/nn"
	"wgnin/nn/data"
)

// convs adds up the parameters of convolutions: weights and biases.
func convs(layers ...[3]int) (n int) {
	for _, l := range layers {
		in, out, kernel := l[0], l[1], l[2]
		n += out*in*kernel*kernel + out
	}
	return n
}

// TestRecipes compares the number of parameters of each recipe with PyTorch's for the same network
// and, for networks of convolutions only, with the number computed from {in, out, kernel}.
func TestRecipes(t *testing.T) {
	for _, c := range []struct {
		name  string
		convs int
		want  int
	}{
		{"d2l", convs(
			[3]int{1, 96, 11}, [3]int{96, 96, 1}, [3]int{96, 96, 1},
			[3]int{96, 256, 5}, [3]int{256, 256, 1}, [3]int{256, 256, 1},
			[3]int{256, 384, 3}, [3]int{384, 384, 1}, [3]int{384, 384, 1},
			[3]int{384, 10, 3}, [3]int{10, 10, 1}, [3]int{10, 10, 1},
		), 1_992_166},
		{"lin2013", convs(
			[3]int{3, 192, 5}, [3]int{192, 160, 1}, [3]int{160, 96, 1},
			[3]int{96, 192, 5}, [3]int{192, 192, 1}, [3]int{192, 192, 1},
			[3]int{192, 192, 3}, [3]int{192, 192, 1}, [3]int{192, 10, 1},
		), 966_986},
		{"mini", convs(
			[3]int{1, 32, 5}, [3]int{32, 32, 1}, [3]int{32, 32, 1},
			[3]int{32, 64, 3}, [3]int{64, 64, 1}, [3]int{64, 64, 1},
			[3]int{64, 96, 3}, [3]int{96, 96, 1}, [3]int{96, 96, 1},
			[3]int{96, 10, 3}, [3]int{10, 10, 1}, [3]int{10, 10, 1},
		), 112_646},
		{"lenet", 0, 61_706}, {"alexnet", 0, 46_764_746}, {"vgg11", 0, 128_806_154}, {"vgg11-narrow", 0, 43_093_322},
		{"googlenet", 0, 5_977_530}, {"resnet18", 0, 11_178_378}, {"densenet", 0, 758_226},
		// torchvision documents the numbers for 1,000 classes: 61,100,840, 132,863,336, 132,868,840
		// and 11,689,512.
		{"torchvision-alexnet", 0, 61_100_840 - 990*4097}, {"torchvision-vgg11", 0, 132_863_336 - 990*4097},
		{"torchvision-vgg11_bn", 0, 132_868_840 - 990*4097}, {"torchvision-resnet18", 0, 11_689_512 - 990*513},
		{"photos", convs([3]int{3, 16, 3}, [3]int{16, 32, 3}, [3]int{32, 64, 3}, [3]int{64, 128, 3},
			[3]int{128, 256, 3}, [3]int{256, 10, 1}) + 2*(16+32+64+128+256), 396_170},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := nin.Find(c.name)
			require.NoError(t, err)
			net := r.Net(10, r.Dropout)
			params, err := nn.Params(net, r.In)
			require.NoError(t, err)
			assert.Equal(t, c.want, params)
			if c.convs > 0 {
				assert.Equal(t, c.convs, params)
			}
			out, err := nn.OutShape(net, r.In)
			require.NoError(t, err)
			assert.Equal(t, nn.Shape{C: 10, H: 1, W: 1, Flat: true}, out)
			s := r.Settings()
			s.Data = "pictures"
			assert.NoError(t, s.Check())
			assert.Equal(t, r.Name, r.Settings().Recipe)
			// Another number of classes changes only the head.
			out, err = nn.OutShape(r.Net(7, r.Dropout), r.In)
			require.NoError(t, err)
			assert.Equal(t, 7, out.Len())
		})
	}
	assert.Len(t, nin.Recipes, 15)
}

// TestSchedulesOfRecipes checks the rates that each recipe documents.
func TestSchedulesOfRecipes(t *testing.T) {
	mini, err := nin.Find("mini")
	require.NoError(t, err)
	for _, steps := range []int{0, 1, 5, 50, 2345} {
		s := mini.Schedule(mini.Rate, steps)
		for i := 1; i <= steps; i++ {
			r := s.Rate(i)
			require.True(t, r > 0 && r <= mini.Rate, "step %d of %d: %g", i, steps, r)
		}
	}
	lin, err := nin.Find("lin2013")
	require.NoError(t, err)
	s := lin.Schedule(lin.Rate, 120_000)
	assert.Equal(t, 0.1, s.Rate(100_000))
	assert.InDelta(t, 0.01, s.Rate(100_001), 1e-15)
}

func TestFindRefuses(t *testing.T) {
	for _, name := range []string{"", "D2L", "resnet", "d2l\n"} {
		_, err := nin.Find(name)
		require.Error(t, err, name)
		for _, r := range nin.Recipes {
			assert.ErrorContains(t, err, r.Name)
		}
		assert.NotContains(t, err.Error(), "\n")
	}
}

// TestSettingsRefuse checks settings that no run can have: the error, in one line, names the field
// and says what would be right.
func TestSettingsRefuse(t *testing.T) {
	mini, err := nin.Find("mini")
	require.NoError(t, err)
	const huge = 1 << 40
	nan, inf := math.NaN(), math.Inf(1)
	for setting, changes := range map[string][]func(*nin.Settings){
		"Epochs": {
			func(s *nin.Settings) { s.Epochs = 0 }, func(s *nin.Settings) { s.Epochs = -1 },
			func(s *nin.Settings) { s.Epochs = huge }, func(s *nin.Settings) { s.Epochs = math.MinInt },
		},
		"Steps": {
			func(s *nin.Settings) { s.Steps = -1 }, func(s *nin.Settings) { s.Steps = huge },
			func(s *nin.Settings) { s.Steps = math.MinInt },
		},
		"Batch": {
			func(s *nin.Settings) { s.Batch = 0 }, func(s *nin.Settings) { s.Batch = -128 },
			func(s *nin.Settings) { s.Batch = huge }, func(s *nin.Settings) { s.Batch = math.MaxInt },
		},
		"Shards": {func(s *nin.Settings) { s.Shards = 3 }, func(s *nin.Settings) { s.Shards = -1 },
			func(s *nin.Settings) { s.Shards = huge }},
		"Rate": {
			func(s *nin.Settings) { s.Rate = -0.1 }, func(s *nin.Settings) { s.Rate = nan },
			func(s *nin.Settings) { s.Rate = inf }, func(s *nin.Settings) { s.Rate = -inf },
			func(s *nin.Settings) { s.Rate = 1e39 },
		},
		"Momentum": {
			func(s *nin.Settings) { s.Momentum = 1 }, func(s *nin.Settings) { s.Momentum = -0.5 },
			func(s *nin.Settings) { s.Momentum = nan }, func(s *nin.Settings) { s.Momentum = inf },
		},
		"WeightDecay": {
			func(s *nin.Settings) { s.WeightDecay = 1 }, func(s *nin.Settings) { s.WeightDecay = -1e-9 },
			func(s *nin.Settings) { s.WeightDecay = nan }, func(s *nin.Settings) { s.WeightDecay = -inf },
		},
		"Dropout": {
			func(s *nin.Settings) { s.Dropout = 1 }, func(s *nin.Settings) { s.Dropout = -0.5 },
			func(s *nin.Settings) { s.Dropout = nan }, func(s *nin.Settings) { s.Dropout = inf },
		},
		"CheckpointEvery": {
			func(s *nin.Settings) {
				s.CheckpointEvery.Steps = -1
			}, func(s *nin.Settings) { s.CheckpointEvery.Steps = huge },
			func(s *nin.Settings) { s.CheckpointEvery.Time = -time.Second },
		},
		"TrainImages": {func(s *nin.Settings) {
			s.TrainImages = -1
		}, func(s *nin.Settings) { s.TrainImages = math.MinInt }},
		"SpareBiases": {func(s *nin.Settings) { s.SpareBiases, s.WeightDecay = true, 0 }},
		"ClipNorm": {
			func(s *nin.Settings) { s.ClipNorm = -1 }, func(s *nin.Settings) { s.ClipNorm = nan },
			func(s *nin.Settings) { s.ClipNorm = inf },
			func(s *nin.Settings) { s.ClipNorm = 1e39 },
		},
		"LabelSmoothing": {
			func(s *nin.Settings) { s.LabelSmoothing = 1 }, func(s *nin.Settings) { s.LabelSmoothing = -0.1 },
			func(s *nin.Settings) { s.LabelSmoothing = nan },
		},
		"ClassWeights": {
			func(s *nin.Settings) { s.ClassWeights = "even" }, func(s *nin.Settings) { s.ClassWeights = "1,,2" },
			func(s *nin.Settings) { s.ClassWeights = "1,0" },
			func(s *nin.Settings) { s.ClassWeights = "1,-2" }, func(s *nin.Settings) { s.ClassWeights = "NaN" },
			func(s *nin.Settings) { s.ClassWeights = "1e40" },
		},
		"Patience":   {func(s *nin.Settings) { s.Patience = -1 }},
		"TestImages": {func(s *nin.Settings) { s.TestImages = -1 }},
	} {
		for _, change := range changes {
			s := mini.Settings()
			require.NoError(t, s.Check())
			change(&s)
			err := s.Check()
			if assert.Error(t, err, "%s: %+v", setting, s) {
				assert.ErrorContains(t, err, setting+" is ")
				assert.ErrorContains(t, err, "want ")
				assert.NotContains(t, err.Error(), "\n")
			}
		}
	}
	// These settings are allowed.
	for _, change := range []func(*nin.Settings){
		func(s *nin.Settings) { s.Rate = 0 }, func(s *nin.Settings) { s.Momentum, s.WeightDecay, s.Dropout = 0, 0, 0 },
		func(s *nin.Settings) { s.Batch, s.Epochs, s.Steps = 1, 1, 1 }, func(s *nin.Settings) { s.TrainImages = huge },
	} {
		s := mini.Settings()
		change(&s)
		assert.NoError(t, s.Check(), "%+v", s)
	}
}

// Balanced weights are scikit-learn's for the training images:
//
//	sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 1, 1, 1, 0, 1, 2, 1])
func TestClassWeights(t *testing.T) {
	images := &data.Images{Classes: []string{"a", "b", "c"}, C: 1, H: 1, W: 1}
	images.SetLabels(0, 1, 1, 1, 0, 1, 2, 1)
	for text, want := range map[string][]float64{"": nil, "balanced": {8. / 6, 8. / 15, 8. / 3},
		"1, 2,0.5": {1, 2, 0.5}} {
		loss, err := nin.Settings{ClassWeights: text, LabelSmoothing: 0.1}.Loss(images)
		require.NoError(t, err)
		assert.Equal(t, nn.CrossEntropy{LabelSmoothing: 0.1, ClassWeights: want}, loss)
	}
	_, err := nin.Settings{ClassWeights: "1,2"}.Loss(images)
	require.EqualError(t, err, "ClassWeights has 2 numbers; want 3, one for each class")
	images.SetLabels(0, 1, 1)
	_, err = nin.Settings{ClassWeights: "balanced"}.Loss(images)
	require.EqualError(t, err,
		"ClassWeights is balanced, and class c has no training image; want a number for each class")
}

// Older runs recorded this setting as a number of steps, which is still read.
func TestEvery(t *testing.T) {
	for text, c := range map[string]struct {
		want nin.Every
		json string
	}{
		"100": {nin.Every{Steps: 100}, "100"}, "90s": {nin.Every{Time: 90 * time.Second}, `"1m30s"`},
		"10m": {nin.Every{Time: 10 * time.Minute}, `"10m0s"`},
	} {
		var got nin.Every
		require.NoError(t, got.UnmarshalText([]byte(text)))
		assert.Equal(t, c.want, got)
		raw, err := json.Marshal(struct {
			E nin.Every `json:"e,omitzero"`
		}{got})
		require.NoError(t, err)
		assert.Equal(t, `{"e":`+c.json+`}`, string(raw))
		var back struct {
			E nin.Every `json:"e"`
		}
		require.NoError(t, json.Unmarshal(raw, &back))
		assert.Equal(t, c.want, back.E)
	}
	for _, text := range []string{"", "0", "often", "10 m", "1e3", "99999999999999999999"} {
		assert.ErrorContains(t, new(nin.Every).UnmarshalText([]byte(text)),
			"want a number of steps, such as 100, or a time", text)
	}
	raw, err := json.Marshal(nin.Settings{})
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "checkpoint_every", "as in runs that left it out")
}

// An input has one form; text after it is refused, not ignored.
func TestInputOfSettings(t *testing.T) {
	for input, ok := range map[string]bool{"20x24": true, "20x24 7": false, "20x 24": false, "20x24x3": false,
		"20": false, "0x24": false} {
		mini, err := nin.Find("mini")
		require.NoError(t, err)
		s := mini.Settings()
		s.Input = input
		r, err := nin.RecipeOf(s)
		if !ok {
			require.ErrorContains(t, err, "want rows x columns such as 32x32", input)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, nn.Shape{C: 1, H: 20, W: 24}, r.In)
	}
}

// Your own recipes are found before those that the commands know. An error names what a recipe
// lacks.
func TestOwnRecipes(t *testing.T) {
	mini, err := nin.Find("mini")
	require.NoError(t, err)
	mine := mini
	mine.Rate = 7
	found, err := nin.Find("mini", mine)
	require.NoError(t, err)
	assert.InDelta(t, 7, found.Rate, 0)
	mine.Name, mine.Dataset = "mine", "drawings"
	_, err = nin.Find("mine")
	require.ErrorContains(t, err, `there is no recipe "mine"`)
	require.NoError(t, mine.Settings().Check(mine))
	s := mine.Settings()
	s.Dataset = "shoes"
	require.ErrorContains(t, s.Check(mine), `Dataset is "shoes"`)
	require.ErrorContains(t, mine.Settings().Check(), `there is no recipe "mine"`)
	mine.Net = nil
	require.EqualError(t, mine.Settings().Check(mine),
		`the recipe "mine" has no Net; want a function that returns the layers`)
}

// A warm-up works with the schedule of every recipe: the rate rises for the given steps, and ends
// at the recipe's rate.
func TestWarmup(t *testing.T) {
	for _, r := range nin.Recipes {
		s := r.Settings()
		s.Data, s.Warmup = "pictures", 7
		require.NoError(t, s.Check(), r.Name)
		schedule := r.RateSchedule(s, 100)
		for step := 2; step <= 7; step++ {
			assert.Greater(t, schedule.Rate(step), schedule.Rate(step-1), "%s, step %d", r.Name, step)
		}
		assert.InDelta(t, s.Rate, schedule.Rate(7), 1e-12, r.Name)
		assert.LessOrEqual(t, schedule.Rate(8), s.Rate, r.Name)
	}
}

// Only recipes whose networks have dropout have a probability of dropout; -dropout is refused for
// the others.
func TestDropoutOfRecipes(t *testing.T) {
	for _, r := range nin.Recipes {
		assert.Equal(t, r.Dropout > 0, !reflect.DeepEqual(r.Net(10, 0), r.Net(10, 0.5)), r.Name)
	}
}
