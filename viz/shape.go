package viz

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	textfont "github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/draw"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
	"golang.org/x/text/unicode/norm"
)

// shaper lays out text that Go's own fonts cannot write.
type shaper struct {
	mu       sync.Mutex
	fonts    *fontscan.FontMap
	split    shaping.Segmenter
	harfbuzz shaping.HarfbuzzShaper
}

// system returns a shaper with the fonts of the system, or nil if there are none. The first search
// for fonts takes seconds, so it waits until a name needs them.
var system = sync.OnceValue(func() *shaper {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	s := newShaper()
	if s.fonts.UseSystemFonts(filepath.Join(cache, "nin")) != nil {
		return nil
	}
	return s
})

func newShaper() *shaper {
	s := &shaper{fonts: fontscan.NewFontMap(log.New(io.Discard, "", 0))}
	s.fonts.SetQuery(fontscan.Query{Families: []string{fontscan.SansSerif}})
	return s
}

// plain reports whether Go's fonts have all characters of s, and s is written from left to right.
func plain(s string) bool { return !strings.ContainsFunc(s, special) }

func special(r rune) bool {
	if r < 0x250 { // Latin
		return false
	}
	fs, err := fonts()
	if err != nil {
		return true
	}
	var buf sfnt.Buffer
	glyph, err := fs[0].GlyphIndex(&buf, r)
	return err != nil || glyph == 0 || unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Mn)
}

// shownNames returns the names of classes as Go's fonts and those of other can write them. A name
// that they cannot write becomes the number of the class and the part of the name that Go's fonts
// can write. Names with control characters are quoted.
func shownNames(names []string, other func() *shaper) []string {
	all := make([]string, len(names))
	for i, name := range names {
		if strings.ContainsFunc(name, unicode.IsControl) {
			name = strconv.Quote(name)
		}
		all[i] = norm.NFC.String(name)
		if plain(all[i]) {
			continue
		}
		if _, ok := other().shape(all[i], fixed.I(textSize)); !ok {
			rest := strings.Map(func(r rune) rune {
				if special(r) {
					return ' '
				}
				return r
			}, all[i])
			all[i] = strings.Join(append([]string{fmt.Sprint(i)}, strings.Fields(rest)...), " ")
		}
	}
	return all
}

// shape lays s out in runs from left to right. It reports whether all of it can be drawn.
func (s *shaper) shape(text string, size fixed.Int26_6) (runs []shaping.Output, ok bool) {
	if s == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	runes := []rune(text)
	parts := s.split.Split(shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: di.DirectionLTR, Size: size, Language: language.DefaultLanguage(),
	}, s.fonts)
	for _, part := range parts {
		if part.Face == nil {
			return nil, false
		}
		run := s.harfbuzz.Shape(part)
		for _, g := range run.Glyphs {
			if g.GlyphID == 0 || !drawable(run.Face.GlyphData(g.GlyphID)) {
				return nil, false
			}
		}
		runs = append(runs, run)
	}
	for first := 0; first < len(runs); first++ { // put consecutive right-to-left runs in their visual order
		end := first
		for end < len(runs) && runs[end].Direction == di.DirectionRTL {
			end++
		}
		slices.Reverse(runs[first:end])
		first = max(first, end-1)
	}
	return runs, true
}

func drawable(data textfont.GlyphData) bool {
	switch d := data.(type) {
	case nil, textfont.GlyphOutline:
		return true
	case textfont.GlyphBitmap:
		return d.Format == textfont.PNG
	}
	return false
}

// runWidth returns the width of runs in pixels.
func runWidth(runs []shaping.Output) int {
	var w fixed.Int26_6
	for _, run := range runs {
		w += run.Advance
	}
	return w.Ceil()
}

// drawRuns draws runs from x on, with their baseline at base.
func (p pen) drawRuns(c color.RGBA, x, base int, runs []shaping.Output) {
	dot := fixed.I(x)
	for _, run := range runs {
		scale := float32(run.Size) / 64 / float32(run.Face.Upem())
		for _, g := range run.Glyphs {
			at := point{float64(dot+g.XOffset) / 64, float64(base) - float64(g.YOffset)/64}
			switch d := run.Face.GlyphData(g.GlyphID).(type) {
			case textfont.GlyphOutline:
				p.drawOutline(c, at, scale, d.Segments)
			case textfont.GlyphBitmap:
				if picture, err := png.Decode(bytes.NewReader(d.Data)); err == nil {
					left, top := (dot + g.XOffset + g.XBearing).Round(), base-(g.YOffset+g.YBearing).Round()
					place := image.Rect(left, top, left+g.Width.Round(), top-g.Height.Round())
					draw.ApproxBiLinear.Scale(p.RGBA, place, picture, picture.Bounds(), draw.Over, nil)
				}
			}
			dot += g.Advance
		}
	}
}

// drawOutline fills a glyph. The y axis of the glyph points up.
func (p pen) drawOutline(c color.RGBA, at point, scale float32, segments []opentype.Segment) {
	bounds := image.Rectangle{}
	on := func(q opentype.SegmentPoint) (x, y float32) {
		return float32(at.x) + q.X*scale, float32(at.y) - q.Y*scale
	}
	for _, s := range segments {
		for _, q := range s.ArgsSlice() {
			x, y := on(q)
			bounds = bounds.Union(image.Rect(int(x)-1, int(y)-1, int(x)+2, int(y)+2))
		}
	}
	if bounds = bounds.Intersect(p.Bounds()); bounds.Empty() {
		return
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	to := func(q opentype.SegmentPoint) (x, y float32) {
		x, y = on(q)
		return x - float32(bounds.Min.X), y - float32(bounds.Min.Y)
	}
	for _, s := range segments {
		x, y := to(s.Args[0])
		x1, y1 := to(s.Args[1])
		x2, y2 := to(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(x, y)
		case opentype.SegmentOpLineTo:
			r.LineTo(x, y)
		case opentype.SegmentOpQuadTo:
			r.QuadTo(x, y, x1, y1)
		case opentype.SegmentOpCubeTo:
			r.CubeTo(x, y, x1, y1, x2, y2)
		}
	}
	r.ClosePath()
	r.Draw(p.RGBA, bounds, image.NewUniform(c), image.Point{})
}
