package viz

import "time"

// Pace decides when a window draws. The zero value has drawn nothing.
type Pace struct {
	first, last time.Time // when drawing began, and when the last picture was done
	took        time.Duration
	spent       time.Duration // in all pictures
	frames      int
}

const (
	frameTime = time.Second / 30 // the shortest time between two pictures
	// busyShare is the pause for other work after a picture, in units of the time that the picture
	// took. It leaves nine tenths of the time to that work.
	busyShare = 9
)

// Due reports whether it is time for the next picture. If busy is set, the device has other work,
// such as training, and drawing gets at most a tenth of the time.
func (p *Pace) Due(now time.Time, busy bool) bool {
	pause := frameTime - p.took
	if busy {
		pause = max(pause, busyShare*p.took)
	}
	return now.Sub(p.last) >= pause
}

// Draw draws the scene and shows it on the surface of its device, with width x height pixels and
// scale pixels per point. It reports whether the picture was shown. If it was not, for example
// because the surface has just changed, draw again.
func (p *Pace) Draw(s *Scene, width, height int, scale float64) (shown bool, err error) {
	s.dev.Wait() // do not count the training steps in flight as drawing
	begun := time.Now()
	view, err := s.Draw(width, height, scale)
	if err != nil {
		return false, err
	}
	if shown, err = s.dev.Surface().Present(view, width, height); err != nil {
		return false, err
	}
	s.dev.Wait()
	s.FrameTime(p.drew(begun, time.Now()))
	return shown, nil
}

// drew records a picture, and returns how long it took.
func (p *Pace) drew(begun, done time.Time) time.Duration {
	if p.frames == 0 {
		p.first = begun
	}
	p.took, p.last = done.Sub(begun), done
	p.frames++
	p.spent += p.took
	return p.took
}

// Frames returns the number of pictures drawn, the mean time for one, and the share of the time
// since the first that drawing took.
func (p *Pace) Frames() (n int, each time.Duration, share float64) {
	if p.frames == 0 {
		return 0, 0, 0
	}
	return p.frames, p.spent / time.Duration(p.frames), float64(p.spent) / float64(p.last.Sub(p.first))
}
