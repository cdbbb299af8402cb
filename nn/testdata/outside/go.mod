module example.com/outside

go 1.25.0

require (
	github.com/stretchr/testify v1.12.1
	wgnin v0.0.0
)

require (
	github.com/bep/imagemeta v0.12.0 // indirect
	github.com/natefinch/atomic v1.0.1 // indirect
	github.com/rajveermalviya/go-webgpu/wgpu v0.17.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/image v0.45.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	gonum.org/v1/gonum v0.16.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace wgnin => ../../..
