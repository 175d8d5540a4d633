package breaker

import (
	"testing"
	"time"
)

func TestBackoffAddsUpToADay(t *testing.T) {
	if Backoff(0) != 2*time.Second || Backoff(1) != 4*time.Second || Backoff(30) != time.Hour {
		t.Errorf("backoff goes %v, %v … %v", Backoff(0), Backoff(1), Backoff(30))
	}
	tries := 0
	for !Exhausted(tries) {
		if tries++; tries > 1000 {
			t.Fatal("it never gives up")
		}
	}
	var total time.Duration
	for i := range tries {
		total += Backoff(i)
	}
	if total < giveUpAfter || total > giveUpAfter+lastBackoff {
		t.Errorf("it gives up after %v, want about %v", total, giveUpAfter)
	}
}
