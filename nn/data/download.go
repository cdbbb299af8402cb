package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/natefinch/atomic"
)

// stall is how long a server may send nothing, a variable for the test's sake. There is no limit on the whole, because
// lines can be slow.
var stall = 30 * time.Second

var errStall = errors.New("the server has stopped answering")

// download brings those of s's files into dir that it lacks. A file appears there only whole and checked.
func (s *set) download(ctx context.Context, dir string, progress func(Progress)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range s.files {
		path := filepath.Join(dir, f.name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		var failed []string
		for _, mirror := range s.mirrors {
			err := fetch(ctx, mirror+f.name, path, f, progress)
			if err == nil {
				failed = nil
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed = append(failed, fmt.Sprintf("%s%s: %v", mirror, f.name, err))
		}
		if failed != nil {
			return errors.New(strings.Join(failed, "; "))
		}
	}
	return nil
}

// fetch gets one file from one address.
func fetch(ctx context.Context, from, path string, f file, progress func(Progress)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(stall, func() { cancel(errStall) })
	defer timer.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // else the client may unpack the gzip file on the way
	res, err := http.DefaultClient.Do(req)
	if err != nil && errors.Is(context.Cause(ctx), errStall) {
		return errStall
	} else if err != nil {
		return errors.Unwrap(err) // without the address, which the caller adds
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	if res.ContentLength >= 0 && res.ContentLength != f.size { // a portal's login page, say
		return fmt.Errorf("has %d bytes, but the published file has %d", res.ContentLength, f.size)
	}
	body := &checked{
		r:    io.LimitReader(res.Body, f.size+1),
		hash: sha256.New(),
		want: f,
		got: func(n int64) {
			timer.Reset(stall)
			if progress != nil {
				progress(Progress{"download " + f.name, n / 1000, f.size / 1000, "kB"})
			}
		},
	}
	err = atomic.WriteFile(path, body) // beside, synced and renamed; removed if body fails
	if body.err != nil && errors.Is(context.Cause(ctx), errStall) {
		return errStall
	} else if body.err != nil {
		return body.err // without the temporary file's name
	}
	return err
}

// checked passes a body on, and fails at its end if it is not the file that was wanted.
type checked struct {
	r    io.Reader
	hash hash.Hash
	want file
	got  func(n int64)
	n    int64
	err  error // other than io.EOF
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	c.n += int64(n)
	c.got(c.n)
	if errors.Is(err, io.EOF) {
		if c.n != c.want.size {
			err = fmt.Errorf("broke off or went on at %d bytes, but the published file has %d", c.n, c.want.size)
		} else if sum := fmt.Sprintf("%x", c.hash.Sum(nil)); sum != c.want.sha256 {
			err = fmt.Errorf("its SHA-256 is %s, but the published file's is %s", sum, c.want.sha256)
		}
	}
	if !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
