// Package window shows a scene in a window, and tells the scene of keys, mouse
// and dropped files. It is the only package that knows the window library.
package window

import (
	"fmt"
	"runtime"
	"time"

	"github.com/go-gl/glfw/v3.3/glfw"
	wgpuext "github.com/rajveermalviya/go-webgpu/wgpuext/glfw"

	"wgnin/gpu"
	"wgnin/viz"
)

// The window library is used from the thread that main starts on.
func init() { runtime.LockOSThread() }

// Window is a window of the operating system. All its methods are for the main
// goroutine.
type Window struct {
	// Drop is called with the path of a file that is dropped on the window.
	Drop func(path string)

	w     *glfw.Window
	scene *viz.Scene
	queue []func() // what the user did and the scene has not been told of
	polls time.Time
	dirty bool // the window does not show the scene as it is

	pace viz.Pace
}

// Open makes a window whose inside is width x height points, to be seen when
// [Window.Show] is called. The error, where
// there is no display, is one line.
func Open(title string, width, height int) (*Window, error) {
	var w *glfw.Window
	err := attempt(glfw.Init)
	if err == nil {
		err = attempt(func() (err error) {
			glfw.WindowHint(glfw.ScaleToMonitor, glfw.True) // the size is in points
			glfw.WindowHint(glfw.ClientAPI, glfw.NoAPI)     // drawing is the device's
			glfw.WindowHint(glfw.Visible, glfw.False)       // until there is something to show
			w, err = glfw.CreateWindow(width, height, title, nil, nil)
			return err
		})
	}
	if w != nil { // what else it had to say is no failure
		err = nil
	}
	if err != nil {
		glfw.Terminate()
		return nil, fmt.Errorf("no window can be opened: %w", err)
	}
	w.SetSizeLimits(320, 200, glfw.DontCare, glfw.DontCare)
	win := &Window{w: w, dirty: true}
	win.listen()
	return win, nil
}

// Close closes the window. What draws in it must be closed before.
func (w *Window) Close() {
	w.w.Destroy()
	glfw.Terminate()
}

// Handle is the window for [gpu.Options].
func (w *Window) Handle() *gpu.NativeWindow { return wgpuext.GetSurfaceDescriptor(w.w) }

// Show makes scene what the window shows, and lets its keys close the window. The device of the
// scene must have been opened with the window.
func (w *Window) Show(scene *viz.Scene) {
	w.scene = scene
	scene.OnQuit(func() { w.w.SetShouldClose(true) })
	w.w.Show()
	w.dirty = true
}

// Closed reports whether the user wants the window closed.
func (w *Window) Closed() bool { return w.w.ShouldClose() }

// Poll notes what the user does, and answers the system, which takes a window
// that does not for hung. The scene is told by [Window.Frame]. It is meant for
// [gpu.Options].Idle too.
func (w *Window) Poll() {
	if now := time.Now(); now.Sub(w.polls) >= 5*time.Millisecond {
		w.polls = now
		glfw.PollEvents()
	}
}

// Wait returns when the user does something, at the latest after 100 ms.
func (w *Window) Wait() { glfw.WaitEventsTimeout(0.1) }

// Changed tells the window that the scene has changed since it was drawn.
func (w *Window) Changed() { w.dirty = true }

// Frame tells the scene what the user did, and draws it if it has changed and
// it is time for it. With busy the device has other work, a training, and
// drawing for its sake gets at most a tenth of the time; what the user did
// shows at once.
func (w *Window) Frame(busy bool) (drawn bool, err error) {
	w.Poll()
	acted := len(w.queue) > 0
	for _, tell := range w.queue {
		tell()
	}
	w.queue = w.queue[:0]
	w.dirty = w.dirty || acted
	width, height := w.w.GetFramebufferSize()
	// A window that is minimised has no inside on some systems, and on others
	// one that nobody sees.
	if min(width, height) < viz.MinSide || w.w.GetAttrib(glfw.Iconified) == glfw.True {
		return false, nil
	}
	if !w.dirty || !w.pace.Due(time.Now(), busy && !acted) {
		return false, nil
	}
	scale, _ := w.w.GetContentScale()
	shown, err := w.pace.Draw(w.scene, width, height, float64(scale))
	if err != nil {
		return false, err
	}
	w.dirty = !shown
	return true, nil
}

// Frames is the number of pictures drawn, what one took in the mean, and the
// share of the time since the first that went into them.
func (w *Window) Frames() (n int, each time.Duration, share float64) { return w.pace.Frames() }
