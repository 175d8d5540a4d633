package values

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ParseObject reads one JSON object and nothing after it. Numbers stay as
// written, and an error quotes nothing of what was read.
func ParseObject(body []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", withoutContents(err, body))
	}
	if object == nil {
		return nil, errors.New("not a JSON object: null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a JSON object: something follows it")
	}
	return object, nil
}

// withoutContents returns what encoding/json says without quoting what it read.
func withoutContents(err error, body []byte) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		before := body[:min(max(syntax.Offset-1, 0), int64(len(body)))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
		return fmt.Errorf("mistake at line %d, column %d", line, column)
	case errors.As(err, &kind):
		return errors.New("found another kind of value")
	case errors.Is(err, io.EOF):
		return errors.New("nothing there")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	}
	return errors.New("cannot be read")
}

// Integer takes 3 and 3.0, as some JSON writers put it.
func Integer(n json.Number) (int64, bool) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Number returns a number of JSON as a Record holds it: int64 where it is whole and
// written so, else float64; nil: it is too large.
func Number(n json.Number) any {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i
	}
	if f, err := n.Float64(); err == nil {
		return f
	}
	return nil
}
