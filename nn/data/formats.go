package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxBytes limits the unpacked size of a file to five times the largest set, so that a small gzip
// file cannot fill the memory. Below the limit, memory is allocated as bytes arrive, never just
// because a header asks for it.
const maxBytes = 1 << 30

// damaged explains an error of the readers of gzip and tar, whose texts are too terse to act on.
func damaged(err error) error {
	return fmt.Errorf("cut short or damaged (%w): get the file again", err)
}

// open passes a file's unpacked bytes to read. It prefixes errors with the file's path.
func open(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := unpack(f)
	if err == nil {
		err = read(r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// unpack decides by the first bytes, not by the file's name, because browsers may unpack a .gz file
// and keep the name.
func unpack(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, damaged(err)
	}
	return z, nil
}

// readIDX reads the four files of a set in LeCun's IDX format (described at the end of
// http://yann.lecun.com/exdb/mnist/).
func readIDX(s *set, dir string) (train, test *Images, err error) {
	var paths [4]string
	for i, name := range []string{
		"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
	} {
		if paths[i], err = locate(dir, name+".gz", name); err != nil {
			return nil, nil, err
		}
	}
	if train, err = s.idxPair(paths[0], paths[1]); err != nil {
		return nil, nil, err
	}
	if test, err = s.idxPair(paths[2], paths[3]); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

func (s *set) idxPair(imagesPath, labelsPath string) (*Images, error) {
	var pixels, labels []uint8
	err := open(imagesPath, func(r io.Reader) (err error) {
		pixels, err = idx(r, s.h, s.w)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = open(labelsPath, func(r io.Reader) (err error) {
		labels, err = idx(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if n := len(pixels) / (s.h * s.w); n != len(labels) {
		return nil, fmt.Errorf("%s: %d images, but %d labels in %s: both must be from the same set", imagesPath, n,
			len(labels), labelsPath)
	}
	images, err := s.images(pixels, labels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", labelsPath, err)
	}
	return images, nil
}

// idx reads the items of an IDX file of unsigned bytes. Each item has the size dims; without dims,
// it is a single byte. The file has a magic number (0, 0, 8 for unsigned byte, the number of
// dimensions), each dimension as a big-endian uint32, the number of items first, and then the
// bytes.
func idx(r io.Reader, dims ...int) ([]uint8, error) {
	head := make([]byte, 4*(2+len(dims)))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, damaged(err)
	}
	if got, want := binary.BigEndian.Uint32(head), 0x0801+uint32(len(dims)); got != want {
		return nil, fmt.Errorf("starts with %#08x, but an IDX file of bytes in %d dimensions starts with %#08x", got,
			1+len(dims), want)
	}
	n := int64(binary.BigEndian.Uint32(head[4:]))
	size := n
	for i, want := range dims {
		if got := binary.BigEndian.Uint32(head[8+4*i:]); int64(got) != int64(want) {
			return nil, fmt.Errorf("its dimension %d is %d, but must be %d", i+1, got, want)
		}
		size *= int64(want)
	}
	if size > maxBytes {
		return nil, fmt.Errorf("its header gives %d items, which is more than %d bytes", n, maxBytes)
	}
	// The extra byte detects a file that is too long, and makes gzip check its sum.
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return nil, damaged(err)
	}
	if int64(len(data)) < size {
		return nil, fmt.Errorf("cut short: its header gives %d items, which is %d bytes, but %d follow", n,
			size, len(data))
	}
	if int64(len(data)) > size {
		return nil, fmt.Errorf("its header gives %d items, which is %d bytes, but more follow", n, size)
	}
	return data, nil
}

const cifarArchive = "cifar-10-binary.tar.gz"

var cifarBatches = []string{
	"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
	"test_batch.bin",
}

// readCIFAR reads the six files of CIFAR-10's binary version
// (https://www.cs.toronto.edu/~kriz/cifar.html), or the archive that contains them.
func readCIFAR(s *set, dir string) (train, test *Images, err error) {
	batches := map[string]*Images{}
	var paths []string
	for _, name := range cifarBatches {
		path, err := locate(dir, filepath.Join("cifar-10-batches-bin", name), name, cifarArchive)
		if err != nil {
			return nil, nil, err
		}
		if filepath.Base(path) == cifarArchive {
			paths = []string{path}
			break
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		err := open(path, func(r io.Reader) (err error) {
			name := filepath.Base(path)
			if name == cifarArchive {
				return s.cifarTar(r, batches)
			}
			batches[name], err = s.cifar(r)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	var pixels, labels []uint8
	for _, name := range cifarBatches[:5] {
		pixels = append(pixels, batches[name].Pixels...)
		labels = append(labels, batches[name].Labels...)
	}
	train, err = s.images(pixels, labels)
	return train, batches[cifarBatches[5]], err
}

// cifarTar reads the six files of an archive into batches. It returns an error unless all are
// there.
func (s *set) cifarTar(r io.Reader, batches map[string]*Images) error {
	r = io.LimitReader(r, maxBytes)
	t := &tarReader{r: r}
	var total int64
	for {
		full, size, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return damaged(err)
		}
		name := path.Base(full)
		if !slices.Contains(cifarBatches, name) {
			continue
		}
		if batches[name] != nil {
			return fmt.Errorf("holds %s twice", name)
		}
		if total += size; total > maxBytes || size > maxBytes {
			return fmt.Errorf("%s: the batches must not have more than %d bytes together", name, maxBytes)
		}
		if batches[name], err = s.cifar(t); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // read to the end, where gzip checks its sum
		return damaged(err)
	}
	for _, name := range cifarBatches {
		if batches[name] == nil {
			return fmt.Errorf("holds no %s: it must have %s", name, strings.Join(cifarBatches, ", "))
		}
	}
	return nil
}

// cifar reads a batch. An image is one byte for the label, then C*H*W bytes for the pixels, planar.
func (s *set) cifar(r io.Reader) (*Images, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, damaged(err)
	}
	record := 1 + s.c*s.h*s.w
	if len(data) > maxBytes || len(data)%record != 0 {
		return nil,
			fmt.Errorf("holds %d bytes, but CIFAR-10's binary files hold a multiple of %d, one label and one image, and at most %d",
				len(data), record, maxBytes)
	}
	n := len(data) / record
	pixels, labels := make([]uint8, 0, n*(record-1)), make([]uint8, 0, n)
	for ; len(data) > 0; data = data[record:] {
		labels = append(labels, data[0])
		pixels = append(pixels, data[1:record]...)
	}
	return s.images(pixels, labels)
}
