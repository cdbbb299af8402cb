package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"runtime"
	"runtime/debug"

	"wgnin/gpu"
	"wgnin/nin"
)

// platform is what the bits of a run depend on besides its settings. The first line of
// metrics.jsonl records it, and so does a line after each resume on another platform.
type platform struct {
	Adapter  string            `json:"adapter"`
	Class    string            `json:"class"`
	Driver   string            `json:"driver"`
	Backend  string            `json:"backend"`
	Versions map[string]string `json:"versions"`
}

func platformOf(dev *gpu.Device) platform {
	a := dev.Adapter()
	return platform{a.Name, a.Class.String(), a.Driver, a.Backend, versions()}
}

// versions returns the versions of the software on which the bits depend.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "os": runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/rajveermalviya/go-webgpu/wgpu" {
				v["go-webgpu"] = d.Version
			}
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v["revision"] = s.Value
			}
		}
	}
	return v
}

// record is what metrics.jsonl says about a run.
type record struct {
	settings *nin.Settings // nil if the line is torn
	platform platform      // the last one recorded
}

// readRecord reads the record in metrics. It skips torn lines, which a power failure or an
// older version of this program may have left.
func readRecord(metrics io.Reader) (r record, err error) {
	first := true
	err = eachLine(metrics, func(line []byte) error {
		wasFirst, isRun := first, bytes.HasPrefix(line, []byte(`{"event":"run"`))
		first = false
		if !wasFirst && !isRun && !bytes.HasPrefix(line, []byte(`{"event":"resume"`)) {
			return nil
		}
		var e struct {
			nin.Settings
			platform
		}
		switch bad := json.Unmarshal(line, &e); {
		case bad != nil: // it is torn
		case isRun:
			r = record{&e.Settings, e.platform}
		case wasFirst:
			return errors.New("its first line is not that of a run")
		default:
			r.platform = e.platform
		}
		return nil
	})
	return r, err
}

// eachLine calls f with each line, without its end.
func eachLine(text io.Reader, f func(line []byte) error) error {
	lines := bufio.NewReader(text)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := f(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// equal reports whether two platforms are the same.
func (p platform) equal(q platform) bool { return reflect.DeepEqual(p, q) }
