package nin

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Every says how often something is done: after every Steps steps or, if Time is set, each time so
// much time has passed. The zero Every leaves the choice to the program. The text form is a number,
// such as 100, or a time, such as 10m or 90s.
type Every struct {
	Steps int
	Time  time.Duration
}

// MarshalText returns the number of steps or the time as text, and no text for the zero Every.
func (e Every) MarshalText() ([]byte, error) {
	switch {
	case e.Time != 0:
		return []byte(e.Time.String()), nil
	case e.Steps != 0:
		return strconv.AppendInt(nil, int64(e.Steps), 10), nil
	}
	return nil, nil
}

// UnmarshalText reads the text of MarshalText. It refuses an empty text, which is that of the zero
// Every.
func (e *Every) UnmarshalText(text []byte) error {
	if n, err := strconv.Atoi(string(text)); err == nil && n != 0 {
		*e = Every{Steps: n}
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d == 0 {
		return fmt.Errorf("want a number of steps, such as 100, or a time, such as 10m or 90s")
	}
	*e = Every{Time: d}
	return nil
}

// MarshalJSON returns a number of steps, or a time in quotes.
func (e Every) MarshalJSON() ([]byte, error) {
	if e.Time != 0 {
		return strconv.AppendQuote(nil, e.Time.String()), nil
	}
	return strconv.AppendInt(nil, int64(e.Steps), 10), nil
}

// UnmarshalJSON reads the output of MarshalJSON.
func (e *Every) UnmarshalJSON(raw []byte) error {
	if string(raw) == "0" {
		*e = Every{}
		return nil
	}
	return e.UnmarshalText(bytes.Trim(raw, `"`))
}
