// Package queue hands out which record is worked on next: each to one worker at
// a time (rule 3.1), in lanes of their own for the systems that are called, so
// that a slow one holds up only those that wait for it.
package queue
