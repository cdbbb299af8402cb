// Package tensorboard writes scalars into an event file that TensorBoard shows.
//
// The file is a sequence of TFRecords (length, its checksum, data, its
// checksum), each of which holds an Event of tensorflow/core/util/event.proto.
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// FileName is what an event file may be called in its folder: TensorBoard
// demands "tfevents" in the name.
const FileName = "events.out.tfevents.nin"

// Point is a value of a curve.
type Point struct {
	Tag   string // of the curve; TensorBoard groups by what is before a slash
	Value float64
}

// Record is what was written at a step.
type Record struct {
	Step    int
	Time    time.Time
	Scalars []Point
}

// Writer appends to an event file. What is written is there for readers at
// once.
type Writer struct{ f *os.File }

// Open opens the event file at path to go on after its first size bytes: what
// is behind them is dropped. With a size of 0 it begins the file.
func Open(path string, size int64) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	w := &Writer{f}
	if err := w.begin(size); err != nil {
		_ = f.Close()
		return nil, err
	}
	return w, nil
}

func (w *Writer) begin(size int64) error {
	info, err := w.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < size {
		return fmt.Errorf("%s has %d bytes; want the first %d", w.f.Name(), info.Size(), size)
	}
	if err := w.f.Truncate(size); err != nil {
		return err
	}
	if _, err := w.f.Seek(size, io.SeekStart); err != nil || size > 0 {
		return err
	}
	version := protowire.AppendTag(nil, eventVersion, protowire.BytesType)
	return w.record(time.Now(), protowire.AppendString(version, "brain.Event:2"))
}

// Sync puts what was written onto the disk and returns the size of the file. On
// nil it is 0.
func (w *Writer) Sync() (size int64, err error) {
	if w == nil {
		return 0, nil
	}
	if err := w.f.Sync(); err != nil {
		return 0, err
	}
	return w.f.Seek(0, io.SeekCurrent)
}

// Write appends the scalars of a step. On nil it does nothing.
func (w *Writer) Write(step int, scalars ...Point) error {
	if w == nil {
		return nil
	}
	var summary []byte
	for _, s := range scalars {
		v := protowire.AppendTag(nil, valueTag, protowire.BytesType)
		v = protowire.AppendString(v, s.Tag)
		v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
		v = protowire.AppendFixed32(v, math.Float32bits(float32(s.Value)))
		summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
		summary = protowire.AppendBytes(summary, v)
	}
	event := protowire.AppendTag(nil, eventStep, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(step))
	event = protowire.AppendTag(event, eventSummary, protowire.BytesType)
	event = protowire.AppendBytes(event, summary)
	return w.record(time.Now(), event)
}

// record appends an event with the time and the given fields.
func (w *Writer) record(at time.Time, fields []byte) error {
	event := protowire.AppendTag(nil, eventTime, protowire.Fixed64Type)
	event = protowire.AppendFixed64(event, math.Float64bits(float64(at.UnixMicro())/1e6))
	event = append(event, fields...)
	rec := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	rec = binary.LittleEndian.AppendUint32(rec, checksum(rec))
	rec = append(rec, event...)
	rec = binary.LittleEndian.AppendUint32(rec, checksum(event))
	_, err := w.f.Write(rec)
	return err
}

// Close closes the file. It may be called on nil.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	return w.f.Close()
}

// The numbers of fields in event.proto and summary.proto.
const (
	eventTime    = 1 // double
	eventStep    = 2 // int64
	eventVersion = 3 // string
	eventSummary = 5 // Summary
	summaryValue = 1 // repeated Value
	valueTag     = 1 // string
	valueSimple  = 2 // float
)

// checksum is CRC-32C, rotated and offset as TFRecord wants it, so that the
// checksum of data that holds checksums is not weak.
func checksum(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
