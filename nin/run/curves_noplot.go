//go:build noplot

package run

// drawCurves draws nothing: a program built with the tag noplot, as the page of cmd/web, has no
// plotting library, which is half of its size.
func (r *Run) drawCurves() error { return nil }
