module wgnin

go 1.24.0

require (
	github.com/natefinch/atomic v1.0.1
	github.com/rajveermalviya/go-webgpu/wgpu v0.17.1
	github.com/stretchr/testify v1.12.1
	golang.org/x/term v0.36.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.37.0 // indirect
)
