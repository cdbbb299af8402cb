//go:build !windows

package gpu

// findDXC finds nothing: Direct3D is on Windows.
func findDXC() (dxc, bool) { return dxc{}, false }
