package window

import (
	"github.com/go-gl/glfw/v3.3/glfw"

	"wgnin/viz"
)

// others maps the keys that type no character.
var others = map[glfw.Key]viz.Key{
	glfw.KeyUp: viz.KeyLayerUp, glfw.KeyDown: viz.KeyLayerDown, glfw.KeyRight: viz.KeyNextSample,
	glfw.KeyLeft:  viz.KeyPrevSample,
	glfw.KeyEnter: viz.KeyZoom, glfw.KeyKPEnter: viz.KeyZoom, glfw.KeyTab: viz.KeyNextMap,
	glfw.KeyPageUp: viz.KeyBack, glfw.KeyPageDown: viz.KeyForward, glfw.KeyEnd: viz.KeyNow,
	glfw.KeyDelete: viz.KeyClear, glfw.KeyEscape: viz.KeyEscape, glfw.KeyF1: viz.KeyHelp,
}

// listen queues the user's input. The library calls back while it is polled, which may happen in
// the middle of a wait for the device. The scene uses the device, and so it gets the input later.
func (w *Window) listen() {
	tell := func(f func()) { w.queue = append(w.queue, f) }
	key := func(k viz.Key) { tell(func() { w.scene.Key(k) }) }
	// pixel converts a position to the framebuffer, which has several pixels per point on some
	// screens.
	pixel := func(x, y float64) (float64, float64) {
		width, height := w.w.GetSize()
		pixels, rows := w.w.GetFramebufferSize()
		return x * float64(pixels) / float64(max(1, width)), y * float64(rows) / float64(max(1, height))
	}
	w.w.SetCharCallback(func(_ *glfw.Window, r rune) {
		if k := viz.KeyOf(r); k != viz.KeyNone {
			key(k)
		}
	})
	w.w.SetKeyCallback(func(_ *glfw.Window, k glfw.Key, _ int, action glfw.Action, mods glfw.ModifierKey) {
		if action == glfw.Release {
			return
		}
		if k == glfw.KeyTab && mods&glfw.ModShift != 0 {
			key(viz.KeyPrevMap)
		} else if k, ok := others[k]; ok {
			key(k)
		}
	})
	w.w.SetCursorPosCallback(func(_ *glfw.Window, x, y float64) {
		x, y = pixel(x, y)
		tell(func() { w.scene.MouseMove(x, y) })
	})
	w.w.SetMouseButtonCallback(func(_ *glfw.Window, button glfw.MouseButton, action glfw.Action, _ glfw.ModifierKey) {
		if button == glfw.MouseButtonLeft {
			x, y := pixel(w.w.GetCursorPos())
			tell(func() { w.scene.MouseButton(action == glfw.Press, x, y) })
		}
	})
	w.w.SetDropCallback(func(_ *glfw.Window, paths []string) {
		if w.Drop != nil && len(paths) > 0 {
			tell(func() { w.Drop(paths[0]) })
		}
	})
	redraw := func() { w.dirty = true }
	w.w.SetFramebufferSizeCallback(func(*glfw.Window, int, int) { redraw() })
	w.w.SetRefreshCallback(func(*glfw.Window) { redraw() })
	w.w.SetContentScaleCallback(func(*glfw.Window, float32, float32) { redraw() })
	w.w.SetIconifyCallback(func(*glfw.Window, bool) { redraw() })
}
