package engine

import (
	"math/rand/v2"
	"time"
)

// How long things take, as the protocol has it.
const (
	leaseTime    = 10 * time.Second // a saved intent is good for its owner
	firstBackoff = 2 * time.Second
	lastBackoff  = time.Hour
	giveUpAfter  = 24 * time.Hour // of backing off
	goneAfter    = 10 * time.Minute
	firstTries   = 3 // after which a failure is taken to be the record's own
)

// backoff is the pause before try number tries+1, without jitter.
func backoff(tries int) time.Duration {
	if tries >= 11 { // 2 s doubled 11 times is more than an hour
		return lastBackoff
	}
	return min(firstBackoff<<tries, lastBackoff)
}

// exhausted reports whether the pauses before so many tries add up to the
// time after which a person has to look.
func exhausted(tries int) bool {
	var total time.Duration
	for i := range tries {
		if total += backoff(i); total >= giveUpAfter {
			return true
		}
	}
	return false
}

// jitter spreads what failed together over a quarter of the pause.
func jitter(d time.Duration) time.Duration {
	return d + rand.N(d/4+1)
}
