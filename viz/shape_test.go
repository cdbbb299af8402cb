package viz

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/math/fixed"
)

// hebrew is a shaper with one font, which has Hebrew and lacks Chinese, so that the
// fonts of the machine do not matter.
func hebrew(t *testing.T) *shaper {
	t.Helper()
	s := newShaper()
	require.NoError(t, s.fonts.AddFont(bytes.NewReader(liberationsansregular.TTF), "liberation", "Liberation Sans"))
	return s
}

// Names that no font has have the number of the class; others stay, composed, with
// control characters quoted.
func TestShownNames(t *testing.T) {
	names := []string{"Müller", "Mu\u0308ller", "кот", "猫", "犬 dog", "חתול", "a\nb", "Hund 犬"}
	none := func() *shaper { return nil }
	assert.Equal(t, []string{"Müller", "Müller", "кот", "3", "4 dog", "5", `"a\nb"`, "7 Hund"}, shownNames(names, none))
	some := hebrew(t)
	assert.Equal(t, []string{"Müller", "Müller", "кот", "3", "4 dog", "חתול", `"a\nb"`, "7 Hund"},
		shownNames(names, func() *shaper { return some }))
	assert.Equal(t, []string{"a", "é"}, shownNames([]string{"a", "é"}, nil), "the system's fonts are not looked for")
}

// Hebrew stands from right to left, also in several runs, and takes the width that it is
// drawn in.
func TestShape(t *testing.T) {
	s := hebrew(t)
	order := func(text string) (at []int) {
		runs, ok := s.shape(text, fixed.I(20))
		require.True(t, ok, text)
		for _, run := range runs {
			for _, g := range run.Glyphs {
				at = append(at, g.TextIndex())
			}
		}
		return at
	}
	assert.Equal(t, []int{2, 1, 0}, order("אבג"))
	assert.Equal(t, []int{0, 1, 3, 2, 4, 5}, order("a אב b"))

	p, err := newPen(2)
	require.NoError(t, err)
	p.other = func() *shaper { return s }
	p.RGBA = image.NewRGBA(image.Rect(0, 0, 200, 40))
	end := p.write(p.regular, color.RGBA{255, 255, 255, 255}, 10, 0, 40, 180, "אבג")
	assert.Equal(t, 10+p.width(p.regular, "אבג"), end)
	assert.Greater(t, end, 40)
	ink := image.Rectangle{}
	for y := range 40 {
		for x := range 200 {
			if p.RGBAAt(x, y).A > 0 {
				ink = ink.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	assert.True(t, ink.In(image.Rect(9, 4, end+1, 36)), ink)
	assert.Greater(t, ink.Dx(), (end-10)*3/4)
	assert.Greater(t, ink.Dy(), 10)
}
