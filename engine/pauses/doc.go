// Package pauses keeps which routes are paused: a paused route writes nothing, and
// what is hinted waits.
package pauses
