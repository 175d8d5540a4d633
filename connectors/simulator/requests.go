package simulator

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A Request is one request that reached the system.
type Request struct {
	At        time.Time // by the system's clock
	Method    string
	Path      string
	Query     string
	Body      string // "" where it holds a secret
	Principal string // who was authenticated, by the system's name for it
	Status    int    // what the system answered; 0: it did not
}

// requests are those that reached the system, oldest first.
type requests struct {
	mu  sync.Mutex // guards all
	all []Request
}

func (l *requests) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
}

// Requests returns the requests since the start or ResetRequests.
func (l *requests) Requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// Count returns the number of requests with the method ("" is any) whose path holds
// the text.
func (l *requests) Count(method, path string) int {
	n := 0
	for _, r := range l.Requests() {
		if (method == "" || r.Method == method) && strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// ResetRequests forgets the requests so far.
func (l *requests) ResetRequests() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}
