// Package tensorboard writes scalars into an event file that TensorBoard shows.
//
// The file is a sequence of TFRecords (length, checksum of the length, data, checksum of the data),
// each of which holds an Event of tensorflow/core/util/event.proto.
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

// FileName is a suitable name for an event file. TensorBoard requires "tfevents" in the name.
const FileName = "events.out.tfevents.nin"

// Point is one value of a curve.
type Point struct {
	Tag   string // names the curve; TensorBoard groups curves by the part before a slash
	Value float64
}

// Record holds the values that were written at one step.
type Record struct {
	Step    int
	Time    time.Time
	Scalars []Point
}

// Writer appends to an event file. Readers see each record at once.
type Writer struct{ f *os.File }

// Open opens the event file at path to append after its first size bytes, and drops the rest. If
// size is 0, it starts a new file. Errors: the file cannot be opened or written, or has fewer than
// size bytes.
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

// Sync writes the file through to the disk and returns its size in bytes. On nil, it returns 0.
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

// record appends an event with a time and the given encoded fields.
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

// Field numbers of event.proto and summary.proto.
const (
	eventTime    = 1 // double
	eventStep    = 2 // int64
	eventVersion = 3 // string
	eventSummary = 5 // Summary
	summaryValue = 1 // repeated Value
	valueTag     = 1 // string
	valueSimple  = 2 // float
)

// checksum returns the CRC-32C of data, rotated and offset as TFRecord requires. This keeps the
// checksum of data that holds checksums from being weak.
func checksum(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
