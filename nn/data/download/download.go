// Package download fetches the files of datasets that are not on the machine, over HTTP.
package download

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wgnin/nn/data"
)

// stall is how long a server may send nothing. It is a variable only for a test. The total time has
// no limit, because connections can be slow.
var stall = 30 * time.Second

var errStall = errors.New("the server has stopped answering")

// partial is the suffix of an incomplete file.
const partial = ".part"

// tries is the maximum number of requests to one server for a file. The next request is made only
// if the last one returned more of the file.
const tries = 5

// Files is a [data.Fetch]. An incomplete file has the suffix .part; only a complete and checked
// file has its name. If a program was stopped, the next call requests only the missing bytes.
// Errors name the addresses that were tried.
func Files(ctx context.Context, dir string, mirrors []string, files []data.File,
	progress func(data.LoadProgress)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		got := func(n int64) {
			if progress != nil {
				progress(data.LoadProgress{Doing: "download " + f.Name, Done: n / 1000, Total: f.Size / 1000,
					Unit: "kB"})
			}
		}
		if err := mirrored(ctx, mirrors, file{f}, path, got); err != nil {
			return err
		}
	}
	return nil
}

// mirrored downloads one file from the first mirror that has it. A mirror continues the part that
// another one left.
func mirrored(ctx context.Context, mirrors []string, f file, path string, got func(n int64)) error {
	var failed []string
	offline := true
	for _, mirror := range mirrors {
		var err error
		for range tries {
			before := sizeOf(path + partial)
			if err = f.fetch(ctx, mirror+f.Name, path, got); err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if sizeOf(path+partial) <= before {
				break
			}
		}
		var unreached *net.OpError
		offline = offline && errors.As(err, &unreached) && (unreached.Op == "dial" || unreached.Op == "proxyconnect")
		failed = append(failed, fmt.Sprintf("%s%s: %v", mirror, f.Name, err))
	}
	if offline {
		return fmt.Errorf("no server can be reached; is there a network? %s", failed[0])
	}
	return errors.New(strings.Join(failed, "; "))
}

// sizeOf returns the size of a file, or 0 if it does not exist.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// fetch downloads the missing bytes of a file from one address. The existing part may come from
// another mirror or an earlier day. The checksum of the whole file shows whether it belongs to the
// same file, so no If-Range is needed. If the parts do not belong together, fetch removes them.
func (f file) fetch(ctx context.Context, from, path string, got func(n int64)) error {
	part, err := os.OpenFile(path+partial, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer part.Close()
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if have < f.Size {
		err = f.bring(ctx, from, part, have, got)
	}
	if err == nil {
		err = f.check(part)
	}
	if errors.Is(err, errOther) {
		if removeErr := os.Remove(part.Name()); removeErr != nil {
			return removeErr
		}
		if have > 0 { // the existing part may have been the wrong one
			return f.fetch(ctx, from, path, got)
		}
	}
	if err != nil {
		if sizeOf(part.Name()) == 0 {
			_ = os.Remove(part.Name()) // it contains nothing to continue
		}
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), path); !errors.Is(err, fs.ErrNotExist) || sizeOf(path) != f.Size {
		return err
	}
	return nil // another process was faster
}

// file is a file to download.
type file struct{ data.File }

// errOther is wrapped by errors about a file that differs from the published one.
var errOther = errors.New("not the published file")

// bring requests the file from byte have on and writes it to part, which contains the bytes before.
func (f file) bring(ctx context.Context, from string, part *os.File, have int64, got func(n int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(stall, func() { cancel(errStall) })
	defer timer.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // else the client may unpack the gzip file on the way
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil && errors.Is(context.Cause(ctx), errStall) {
		return errStall
	} else if err != nil {
		return errors.Unwrap(err) // without the address, which the caller adds
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusPartialContent && have > 0:
		want := fmt.Sprintf("bytes %d-%d/%d", have, f.Size-1, f.Size)
		if r := res.Header.Get("Content-Range"); r != want {
			return fmt.Errorf("gives %q, but what is missing of the published file is %q", r, want)
		}
	case res.StatusCode == http.StatusOK:
		if res.ContentLength >= 0 && res.ContentLength != f.Size { // such as a portal's login page
			return fmt.Errorf("has %d bytes, but the published file has %d", res.ContentLength, f.Size)
		}
		have = 0 // the server sends the whole file
	default:
		return errors.New(res.Status)
	}
	buf := make([]byte, 64<<10)
	for {
		timer.Reset(stall)
		n, err := res.Body.Read(buf)
		// Write only within the file, and each byte at its offset, because two processes may write
		// the same bytes at the same time.
		if _, err := part.WriteAt(buf[:min(int64(n), f.Size-have)], have); err != nil {
			return err
		}
		have += int64(n)
		switch {
		case have > f.Size:
			return fmt.Errorf("%w: it has more than %d bytes", errOther, f.Size)
		case errors.Is(err, io.EOF) && have < f.Size:
			return fmt.Errorf("the connection ended after %d of %d bytes", have, f.Size)
		case errors.Is(err, io.EOF):
			got(have)
			return nil
		case err != nil && errors.Is(context.Cause(ctx), errStall):
			return errStall
		case err != nil:
			return fmt.Errorf("the connection ended after %d of %d bytes: %w", have, f.Size, err)
		}
		got(have)
	}
}

// check returns an error if part differs from the published file.
func (f file) check(part *os.File) error {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(part, 0, 1<<62))
	if err != nil {
		return err
	}
	if n != f.Size {
		return fmt.Errorf("%w: it has %d bytes, not %d", errOther, n, f.Size)
	}
	if s := fmt.Sprintf("%x", sum.Sum(nil)); s != f.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", errOther, s, f.SHA256)
	}
	return nil
}
