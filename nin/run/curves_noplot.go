//go:build noplot

package run

// drawCurves draws nothing. A program built with the tag noplot, such as the page of cmd/web, has
// no plotting library, which would be half of its size.
func (r *Run) drawCurves() error { return nil }
