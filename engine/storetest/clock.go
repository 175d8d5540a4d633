package storetest

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Clock is the machine's, or a bubble's, whose wall part is set forward or
// back by Jump. Its monotonic part, and what waits, go on as if nothing had
// happened.
type Clock struct {
	began time.Time
	ahead atomic.Int64
}

// NewClock makes a clock that is right.
func NewClock() *Clock { return &Clock{began: time.Now()} }

// Jump sets the wall clock forward, or back.
func (c *Clock) Jump(d time.Duration) { c.ahead.Add(int64(d)) }

// Now tells the time on both clocks.
func (c *Clock) Now() time.Time {
	now := time.Now()
	return onBoth(now.Round(0).Add(time.Duration(c.ahead.Load())), now.Sub(c.began)+1)
}

// After waits by the monotonic clock.
func (c *Clock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// onBoth returns a time with a monotonic reading. Package time has no way to make
// one, since only the operating system can, and in a bubble there is none; the
// layout is that of time.Time, and it is made sure that it was understood.
func onBoth(wall time.Time, monotonic time.Duration) time.Time {
	const flag, seconds = 1 << 63, 30 // the bit that says so, and where the seconds begin
	from1885 := wall.Unix() - time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	type parts struct {
		wall uint64 // the flag, 33 bits of seconds, 30 of nanoseconds
		ext  int64  // the monotonic reading
		loc  *time.Location
	}
	read := func(monotonic time.Duration) time.Time {
		p := parts{flag | uint64(from1885)<<seconds | uint64(wall.Nanosecond()), int64(monotonic), time.Local}
		return *(*time.Time)(unsafe.Pointer(&p)) //nolint:gosec // the layout is that of package time
	}
	out := read(monotonic)
	if out.Sub(read(0)) != monotonic || !out.Round(0).Equal(wall) {
		panic(fmt.Sprintf("%v is not %v on the wall clock and %v on the monotonic one", out, wall, monotonic))
	}
	return out
}
