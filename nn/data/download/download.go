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

// stall is how long a server may send nothing, a variable for the test's sake. There is no limit on
// the whole, because lines can be slow.
var stall = 30 * time.Second

var errStall = errors.New("the server has stopped answering")

// partial is the suffix of a file that is not whole yet.
const partial = ".part"

// tries is how often a server is asked for a file, as long as it gives more of it each time.
const tries = 5

// Files is a [data.Fetch]. A file has its name only once it is whole and checked; until then it has
// .part after it, and what is there of it is not asked for again, whatever ended the program.
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

// mirrored gets one file from the first mirror that has it. A mirror goes on where another one
// broke off.
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

// sizeOf is 0 for a file that is not there.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// fetch gets what is missing of a file from one address. The part that is there may be of another
// mirror or an earlier day: that it belongs to the same file shows in the sum of the whole, so no
// If-Range is needed. A part that turns out to be of another file is removed.
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
		if have > 0 { // what was there may have been the wrong part
			return f.fetch(ctx, from, path, got)
		}
	}
	if err != nil {
		if sizeOf(part.Name()) == 0 {
			_ = os.Remove(part.Name()) // nothing to go on from
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

// file is a file to bring.
type file struct{ data.File }

// errOther is wrapped by errors about a file that is not the one published.
var errOther = errors.New("not the published file")

// bring asks for the file from byte have on and writes it to part, which has those before.
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
		if res.ContentLength >= 0 && res.ContentLength != f.Size { // a portal's login page, say
			return fmt.Errorf("has %d bytes, but the published file has %d", res.ContentLength, f.Size)
		}
		have = 0 // the server gives all or nothing
	default:
		return errors.New(res.Status)
	}
	buf := make([]byte, 64<<10)
	for {
		timer.Reset(stall)
		n, err := res.Body.Read(buf)
		// Never beyond the end, and at its place: two processes may write the same bytes at the
		// same time.
		if _, err := part.WriteAt(buf[:min(int64(n), f.Size-have)], have); err != nil {
			return err
		}
		have += int64(n)
		switch {
		case have > f.Size:
			return fmt.Errorf("%w: goes on after %d bytes", errOther, f.Size)
		case errors.Is(err, io.EOF) && have < f.Size:
			return fmt.Errorf("broke off at %d of %d bytes", have, f.Size)
		case errors.Is(err, io.EOF):
			got(have)
			return nil
		case err != nil && errors.Is(context.Cause(ctx), errStall):
			return errStall
		case err != nil:
			return fmt.Errorf("broke off at %d of %d bytes: %w", have, f.Size, err)
		}
		got(have)
	}
}

// check compares what is in part with the file published.
func (f file) check(part *os.File) error {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(part, 0, 1<<62))
	if err != nil {
		return err
	}
	if n != f.Size {
		return fmt.Errorf("%w: %d bytes and not %d", errOther, n, f.Size)
	}
	if s := fmt.Sprintf("%x", sum.Sum(nil)); s != f.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %s and not %s", errOther, s, f.SHA256)
	}
	return nil
}
