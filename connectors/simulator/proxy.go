package simulator

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// A Proxy stands between a client and a system and does harm as some do. It is
// safe for concurrent use.
type Proxy struct {
	To http.RoundTripper
	// Strip are the headers that it takes off answers.
	Strip []string
	// Repeat is part of the paths of which it keeps the first answer, and gives it
	// to every later request, whatever its query and body; "": none.
	Repeat string

	mu   sync.Mutex // guards kept
	kept map[string]Answer
}

// RoundTrip hands the request on, or answers it.
func (p *Proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	repeats := p.Repeat != "" && strings.Contains(r.URL.Path, p.Repeat)
	key := r.Method + " " + r.URL.Path
	if repeats {
		p.mu.Lock()
		a, known := p.kept[key]
		p.mu.Unlock()
		if known {
			if r.Body != nil {
				r.Body.Close()
			}
			return response(r, a, whole), nil
		}
	}
	answered, err := p.To.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, name := range p.Strip {
		answered.Header.Del(name)
	}
	if !repeats {
		return answered, nil
	}
	defer answered.Body.Close()
	body, err := io.ReadAll(answered.Body)
	if err != nil {
		return nil, err
	}
	answered.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = map[string]Answer{}
	}
	p.kept[key] = Answer{Status: answered.StatusCode, Header: answered.Header.Clone(), Body: body}
	return answered, nil
}
