package breaker

import (
	"math/rand/v2"
	"time"
)

// How long a failure is backed off (rule 9.4).
const (
	FirstBackoff = 2 * time.Second
	lastBackoff  = time.Hour
	giveUpAfter  = 24 * time.Hour // of backing off
	FirstTries   = 3              // after which a failure is taken to be the record's own
)

// Backoff returns the pause before try number tries+1, without jitter.
func Backoff(tries int) time.Duration {
	pause := FirstBackoff
	for range tries {
		if pause >= lastBackoff {
			break
		}
		pause *= 2
	}
	return min(pause, lastBackoff)
}

// Exhausted reports whether the pauses before so many tries add up to the
// time after which a person has to look.
func Exhausted(tries int) bool {
	var total time.Duration
	for i := range tries {
		if total += Backoff(i); total >= giveUpAfter {
			return true
		}
	}
	return false
}

// Jitter spreads what failed together over a quarter of the pause.
func Jitter(d time.Duration) time.Duration {
	return d + rand.N(d/4+1)
}
