package data

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strconv"
)

var errTar = errors.New("invalid tar header")

// tarReader reads the regular files of a tar archive (POSIX.1-1988, ustar) in order. The standard
// library's reader is not used, because it looks up the owners of files and so needs cgo.
type tarReader struct {
	r    io.Reader
	file *io.LimitedReader // the rest of the current file
	pad  int64             // bytes of padding after the file
}

// block is the unit of an archive in bytes. A header is one block, and files are padded to whole
// blocks.
const block = 512

// next advances to the next file, which Read then reads. It returns io.EOF after the last file.
func (t *tarReader) next() (name string, size int64, err error) {
	for {
		if t.file != nil {
			if _, err := io.CopyN(io.Discard, t.r, t.file.N+t.pad); err != nil {
				return "", 0, cut(err)
			}
		}
		var h [block]byte
		if _, err := io.ReadFull(t.r, h[:]); err != nil {
			return "", 0, err // io.EOF if the archive ends here
		}
		if h == [block]byte{} { // the end; GNU tar writes two such blocks
			return "", 0, io.EOF
		}
		sum := int64(8 * ' ') // the sum counts its own field as spaces
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
		if kind := h[156]; kind != '0' && kind != 0 { // a folder, a link, or extra data for the next file
			continue
		}
		name := text(h[:100])
		if prefix := text(h[345:500]); prefix != "" && string(h[257:262]) == "ustar" {
			name = path.Join(prefix, name)
		}
		return name, size, nil
	}
}

// Read reads the bytes of the current file.
func (t *tarReader) Read(b []byte) (int, error) {
	n, err := t.file.Read(b)
	if errors.Is(err, io.EOF) && t.file.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// cut returns err, or io.ErrUnexpectedEOF if err is io.EOF, because the end is inside a file.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// text returns a field up to the first zero byte.
func text(field []byte) string {
	before, _, _ := bytes.Cut(field, []byte{0})
	return string(before)
}

// octal parses the number in a field. It rejects GNU tar's binary numbers, which are for 8 GiB and
// more.
func octal(field []byte) (int64, error) {
	n, err := strconv.ParseUint(string(bytes.Trim(field, " \x00")), 8, 62)
	return int64(n), err
}
