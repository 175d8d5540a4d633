package engine

import (
	"testing"
	"time"
)

func TestBackoffAddsUpToADay(t *testing.T) {
	if backoff(0) != 2*time.Second || backoff(1) != 4*time.Second || backoff(30) != time.Hour {
		t.Errorf("backoff goes %v, %v … %v", backoff(0), backoff(1), backoff(30))
	}
	tries := 0
	for !exhausted(tries) {
		if tries++; tries > 1000 {
			t.Fatal("it never gives up")
		}
	}
	var total time.Duration
	for i := range tries {
		total += backoff(i)
	}
	if total < giveUpAfter || total > giveUpAfter+lastBackoff {
		t.Errorf("it gives up after %v, want about %v", total, giveUpAfter)
	}
}
