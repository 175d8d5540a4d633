package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestJournalIsAStream: a line is handed over before the next one is there, and an
// answer that breaks off is not taken for all of the journal.
func TestJournalIsAStream(t *testing.T) {
	taken, cut := make(chan struct{}, 1), false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `{"action":"create"}`)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-taken:
		case <-r.Context().Done():
			return
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintln(w, `{"action":"update"}`)
	}))
	defer server.Close()
	client := NewClient(strings.TrimPrefix(server.URL, "http://"), "")
	for _, cut = range []bool{false, true} {
		var lines []string
		err := client.Journal(t.Context(), time.Time{}, func(line []byte) error {
			if lines = append(lines, string(line)); len(lines) == 1 {
				taken <- struct{}{}
			}
			return nil
		})
		var unreachable *UnreachableError
		if cut != errors.As(err, &unreachable) || !cut && err != nil {
			t.Errorf("cut: %t, error: %v", cut, err)
		}
		if want := map[bool]int{false: 2, true: 1}[cut]; len(lines) != want {
			t.Errorf("cut: %t, lines: %q", cut, lines)
		}
	}
}
