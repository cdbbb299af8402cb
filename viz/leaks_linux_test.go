package viz

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"wgnin/gpu/gputest"
)

// Nothing grows with the pictures of a network in prediction, drawn as a window
// does, while a user goes through layers, samples, ranges of colours and views.
func TestNothingGrowsWithPictures(t *testing.T) {
	l := newLab(t)
	s := l.scene(t)
	there := slices.Repeat([]Key{KeyLayerDown}, len(l.source.Layers)-1)
	back := slices.Repeat([]Key{KeyLayerUp}, len(l.source.Layers)-1)
	layers := slices.Concat(there, []Key{KeyNormalisation}, back, []Key{KeyNextSample})
	keys := slices.Concat(layers, layers, []Key{KeyView})
	gputest.NothingGrows(t, l.dev, "pictures", 1000, 4<<20, func(i int) {
		s.Key(keys[i%len(keys)])
		_, err := s.Draw(320, 240, 1)
		require.NoError(t, err)
	})
}
