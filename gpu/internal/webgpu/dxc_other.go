//go:build !windows && !js

package webgpu

// findDXC finds nothing: Direct3D is on Windows.
func findDXC() (dxc, bool) { return dxc{}, false }
