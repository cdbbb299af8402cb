package data

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strconv"
)

var errTar = errors.New("invalid tar header")

// tarReader gives the regular files of a tar archive (POSIX.1-1988, ustar), in order. The standard
// library's reader would do, but it names the owners of files and so needs cgo.
type tarReader struct {
	r    io.Reader
	file *io.LimitedReader // what is left of the current file
	pad  int64             // bytes after it
}

// block is the unit of an archive: a header is one, and a file is filled up to whole ones.
const block = 512

// next goes to the next file, whose bytes Read then gives, or returns io.EOF.
func (t *tarReader) next() (name string, size int64, err error) {
	for {
		if t.file != nil {
			if _, err := io.CopyN(io.Discard, t.r, t.file.N+t.pad); err != nil {
				return "", 0, cut(err)
			}
		}
		var h [block]byte
		if _, err := io.ReadFull(t.r, h[:]); err != nil {
			return "", 0, err // io.EOF where no header begins
		}
		if h == [block]byte{} { // the end, of which GNU tar writes two
			return "", 0, io.EOF
		}
		sum := int64(8 * ' ') // in place of the sum itself
		for i, b := range h {
			if i < 148 || i >= 156 {
				sum += int64(b)
			}
		}
		want, sumErr := octal(h[148:156])
		size, sizeErr := octal(h[124:136])
		if errors.Join(sumErr, sizeErr) != nil || sum != want {
			return "", 0, errTar
		}
		t.file, t.pad = &io.LimitedReader{R: t.r, N: size}, -size&(block-1)
		if kind := h[156]; kind != '0' && kind != 0 { // a folder, a link, or more about the next file
			continue
		}
		name := text(h[:100])
		if prefix := text(h[345:500]); prefix != "" && string(h[257:262]) == "ustar" {
			name = path.Join(prefix, name)
		}
		return name, size, nil
	}
}

// Read gives the bytes of the current file.
func (t *tarReader) Read(b []byte) (int, error) {
	n, err := t.file.Read(b)
	if errors.Is(err, io.EOF) && t.file.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// cut is err, but that an end within a file is unexpected.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// text is a field up to the first zero.
func text(field []byte) string {
	before, _, _ := bytes.Cut(field, []byte{0})
	return string(before)
}

// octal is a number in a field; GNU tar's binary ones, of 8 GiB and more, are refused.
func octal(field []byte) (int64, error) {
	n, err := strconv.ParseUint(string(bytes.Trim(field, " \x00")), 8, 62)
	return int64(n), err
}
