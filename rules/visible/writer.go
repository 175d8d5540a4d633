package visible

import (
	"io"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Writer writes text on, as Text has it, whoever wrote it and however it was
// cut into pieces. It is safe for concurrent use.
type Writer struct {
	mu      sync.Mutex
	to      io.Writer
	pending []byte // the beginning of a character
}

// NewWriter makes a Writer.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// To is what is written to.
func (w *Writer) To() io.Writer { return w.to }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	whole := slices.Concat(w.pending, p)
	end := len(whole)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(whole[i]) && !utf8.FullRune(whole[i:]) {
			end = i
			break
		}
	}
	w.pending = append([]byte(nil), whole[end:]...)
	if end == 0 {
		return len(p), nil
	}
	if _, err := io.WriteString(w.to, Text(string(whole[:end]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is left of a character that never ended.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := Text(string(w.pending))
	w.pending = nil
	_, err := io.WriteString(w.to, left)
	return err
}

// Styled writes text in a style of the terminal, a sequence of its own that ends
// with reset. It is the one way for a sequence through a Writer.
func Styled(w io.Writer, style, text string) {
	to, ok := w.(*Writer)
	if !ok {
		_, _ = io.WriteString(w, style+Text(text)+reset) // its owner finds the error
		return
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	_, _ = io.WriteString(to.to, style+Text(text)+reset)
}

const reset = "\x1b[0m"
