package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"wgnin/nn/internal/protobuf"
)

// Read reads the events of the file at path, except the first, which holds only the version. An
// event that is cut short counts as the end of the file. Errors: the file cannot be read, or a
// checksum is wrong.
func Read(path string) (events []Record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		e, err := read(r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return events, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case e.Scalars != nil:
			events = append(events, e)
		}
	}
}

// maxEvent is the maximum length in bytes of an event. A longer one is taken for damage.
const maxEvent = 1 << 20

// read reads the next event.
func read(r io.Reader) (e Record, err error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head); err != nil {
		return e, err
	}
	length := binary.LittleEndian.Uint64(head)
	if checksum(head[:8]) != binary.LittleEndian.Uint32(head[8:]) || length > maxEvent {
		return e, errors.New("is not an event file, or is damaged")
	}
	body := make([]byte, length+4)
	if _, err := io.ReadFull(r, body); err != nil {
		return e, err
	}
	if checksum(body[:length]) != binary.LittleEndian.Uint32(body[length:]) {
		return e, errors.New("is damaged: the checksum of an event is wrong")
	}
	err = protobuf.Fields(body[:length], func(number protowire.Number, bits uint64, b []byte) error {
		switch number {
		case eventTime:
			e.Time = time.UnixMicro(int64(math.Round(1e6 * math.Float64frombits(bits))))
		case eventStep:
			e.Step = int(bits)
		case eventSummary:
			return protobuf.Fields(b, func(_ protowire.Number, _ uint64, value []byte) error {
				var s Point
				err := protobuf.Fields(value, func(number protowire.Number, bits uint64, b []byte) error {
					switch number {
					case valueTag:
						s.Tag = string(b)
					case valueSimple:
						s.Value = float64(math.Float32frombits(uint32(bits)))
					}
					return nil
				})
				e.Scalars = append(e.Scalars, s)
				return err
			})
		}
		return nil
	})
	return e, err
}
