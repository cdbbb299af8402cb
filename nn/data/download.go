package data

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
)

// stall is how long a server may send nothing, a variable for the test's sake. There is no limit on the whole, because
// lines can be slow.
var stall = 30 * time.Second

var errStall = errors.New("the server has stopped answering")

// partial is the suffix of a file that is not whole yet.
const partial = ".part"

// tries is how often a server is asked for a file, as long as it gives more of it each time.
const tries = 5

// download brings those of s's files into dir that it lacks. A file has its name only once it is whole and checked;
// until then it has .part after it, and what is there of it is not asked for again, whatever ended the program.
func (s *set) download(ctx context.Context, dir string, progress func(Progress)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range s.files {
		path := filepath.Join(dir, f.name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		got := func(n int64) {
			if progress != nil {
				progress(Progress{"download " + f.name, n / 1000, f.size / 1000, "kB"})
			}
		}
		if err := s.mirrored(ctx, f, path, got); err != nil {
			return err
		}
	}
	return nil
}

// mirrored gets one file from the first mirror that has it. A mirror goes on where another one broke off.
func (s *set) mirrored(ctx context.Context, f file, path string, got func(n int64)) error {
	var failed []string
	offline := true
	for _, mirror := range s.mirrors {
		var err error
		for range tries {
			before := sizeOf(path + partial)
			if err = f.fetch(ctx, mirror+f.name, path, got); err == nil {
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
		failed = append(failed, fmt.Sprintf("%s%s: %v", mirror, f.name, err))
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

// fetch gets what is missing of a file from one address. The part that is there may be of another mirror or an earlier
// day: that it belongs to the same file shows in the sum of the whole, so no If-Range is needed. A part that turns out
// to be of another file is removed.
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
	if have < f.size {
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
	if err := os.Rename(part.Name(), path); !errors.Is(err, fs.ErrNotExist) || sizeOf(path) != f.size {
		return err
	}
	return nil // another process was faster
}

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
		want := fmt.Sprintf("bytes %d-%d/%d", have, f.size-1, f.size)
		if r := res.Header.Get("Content-Range"); r != want {
			return fmt.Errorf("gives %q, but what is missing of the published file is %q", r, want)
		}
	case res.StatusCode == http.StatusOK:
		if res.ContentLength >= 0 && res.ContentLength != f.size { // a portal's login page, say
			return fmt.Errorf("has %d bytes, but the published file has %d", res.ContentLength, f.size)
		}
		have = 0 // the server gives all or nothing
	default:
		return errors.New(res.Status)
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := res.Body.Read(buf)
		timer.Reset(stall)
		// Never beyond the end, and at its place: two processes may write the same bytes at the same time.
		if _, err := part.WriteAt(buf[:min(int64(n), f.size-have)], have); err != nil {
			return err
		}
		have += int64(n)
		switch {
		case have > f.size:
			return fmt.Errorf("%w: goes on after %d bytes", errOther, f.size)
		case errors.Is(err, io.EOF) && have < f.size:
			return fmt.Errorf("broke off at %d of %d bytes", have, f.size)
		case errors.Is(err, io.EOF):
			got(have)
			return nil
		case err != nil && errors.Is(context.Cause(ctx), errStall):
			return errStall
		case err != nil:
			return fmt.Errorf("broke off at %d of %d bytes: %w", have, f.size, err)
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
	if n != f.size {
		return fmt.Errorf("%w: %d bytes and not %d", errOther, n, f.size)
	}
	if s := fmt.Sprintf("%x", sum.Sum(nil)); s != f.sha256 {
		return fmt.Errorf("%w: its SHA-256 is %s and not %s", errOther, s, f.sha256)
	}
	return nil
}
