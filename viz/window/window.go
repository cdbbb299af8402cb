// Package window shows a scene in a window, and passes keys, the mouse and dropped files to the
// scene. It is the only package that uses the window library.
//
// [Open] comes first, on the main goroutine, and the device is opened for the window. In these
// lines must ends the program if there is an error:
//
//	win, err := window.Open("mine", 1280, 800)
//	must(err)
//	defer win.Close()
//	dev, err := gpu.Open(gpu.Options{Window: win.Handle(), Idle: win.Poll})
//	must(err)
//	defer dev.Close()
//
// Here ctx is a context, trainer an nn.Trainer on dev, and scene the netviz.Scene of its network.
// Training and drawing take turns:
//
//	win.Show(scene.Scene)
//	for step, err := range trainer.Steps(ctx) {
//		must(err)
//		must(scene.Trained(trainer, step))
//		must(scene.Turn(ctx, win, nil))
//		if win.Closed() {
//			return
//		}
//	}
//	for !win.Closed() { // the end is looked at
//		_, err := win.Frame(false)
//		must(err)
//		win.Wait()
//	}
//
// The file viz/window/example_test.go is the whole program.
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

// The window library must be used from the thread on which main starts.
func init() { runtime.LockOSThread() }

// Window is a window of the operating system. Call its methods only from the main goroutine.
type Window struct {
	// Drop is called with the path of a file that is dropped on the window.
	Drop func(path string)

	w     *glfw.Window
	scene *viz.Scene
	queue []func() // user input that the scene has not received yet
	polls time.Time
	dirty bool // the scene has changed since it was drawn

	pace viz.Pace
}

// Open makes a window whose inside is width x height points. It stays hidden until [Window.Show] is
// called. Without a display, Open returns an error of one line.
func Open(title string, width, height int) (*Window, error) {
	var w *glfw.Window
	err := attempt(glfw.Init)
	if err == nil {
		err = attempt(func() (err error) {
			glfw.WindowHint(glfw.ScaleToMonitor, glfw.True) // the size is in points
			glfw.WindowHint(glfw.ClientAPI, glfw.NoAPI)     // the device draws
			glfw.WindowHint(glfw.Visible, glfw.False)       // until there is something to show
			w, err = glfw.CreateWindow(width, height, title, nil, nil)
			return err
		})
	}
	if w != nil { // errors reported in spite of a window are harmless
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

// Close closes the window. First close the device that draws in it.
func (w *Window) Close() {
	w.w.Destroy()
	glfw.Terminate()
}

// Handle returns the window for [gpu.Options].
func (w *Window) Handle() *gpu.NativeWindow { return wgpuext.GetSurfaceDescriptor(w.w) }

// Show shows scene in the window, and lets the keys of the scene close the window. The device of
// the scene must have been opened with the window.
func (w *Window) Show(scene *viz.Scene) {
	w.scene = scene
	scene.OnQuit(func() { w.w.SetShouldClose(true) })
	w.w.Show()
	w.dirty = true
}

// Closed reports whether the user wants the window closed.
func (w *Window) Closed() bool { return w.w.ShouldClose() }

// Poll queues the user's input, and answers the system, which otherwise takes the window for hung.
// [Window.Frame] passes the input to the scene. Use Poll as [gpu.Options].Idle too.
func (w *Window) Poll() {
	if now := time.Now(); now.Sub(w.polls) >= 5*time.Millisecond {
		w.polls = now
		glfw.PollEvents()
	}
}

// Wait returns when the user does something, or after 100 ms.
func (w *Window) Wait() { glfw.WaitEventsTimeout(0.1) }

// Changed tells the window that the scene has changed since it was drawn.
func (w *Window) Changed() { w.dirty = true }

// Frame passes the user's input to the scene, and draws the scene if it has changed and a picture
// is due. If busy is set, the device has other work, such as training, and drawing gets at most a
// tenth of the time; the result of the user's input still shows at once. drawn reports whether
// Frame drew.
func (w *Window) Frame(busy bool) (drawn bool, err error) {
	w.Poll()
	acted := len(w.queue) > 0
	for _, tell := range w.queue {
		tell()
	}
	w.queue = w.queue[:0]
	w.dirty = w.dirty || acted
	width, height := w.w.GetFramebufferSize()
	// On some systems, a minimised window has no inside; on others, nobody sees it.
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

// Frames returns the number of pictures drawn, the mean time for one, and the share of the time
// since the first that drawing took.
func (w *Window) Frames() (n int, each time.Duration, share float64) { return w.pace.Frames() }
