package webgpu

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// findDXC finds the libraries of DXC, both beside the program or both in one folder
// of the path. ok reports that they load; where they do not, wgpu would use FXC in
// their place without a word.
var findDXC = sync.OnceValues(func() (found dxc, ok bool) {
	folders := filepath.SplitList(os.Getenv("PATH"))
	if program, err := os.Executable(); err == nil {
		folders = append([]string{filepath.Dir(program)}, folders...)
	}
	for _, folder := range folders {
		found = dxc{filepath.Join(folder, "dxcompiler.dll"), filepath.Join(folder, "dxil.dll")}
		if filepath.IsAbs(folder) && loads(found.compiler) && loads(found.validator) {
			return found, true
		}
	}
	return dxc{}, false
})

// loads reports whether path is a library of DXC.
func loads(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	library, err := syscall.LoadDLL(path)
	if err != nil {
		return false
	}
	_, err = library.FindProc("DxcCreateInstance")
	return err == nil
}
