// Package breaker knows how each connector does: it answers in the place of one
// that is away, says which kinds of call fail, wakes what waits for a system when
// it answers again, and gives the pauses of what is tried again (rules 9.4 and
// 9.5 of the protocol).
package breaker
