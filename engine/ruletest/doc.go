// Package ruletest runs users' rule tests: testscript files that play a story
// through a configuration, on the real engine, with the systems, the store and
// the time in memory.
//
// A script goes the same way every time and sleeps nowhere. Hints are delivered
// one by one (memory.NewStepped), the clock is moved by hand, and the engine is
// quiet when its loops wait for the clock and its queue is empty.
//
// A system in memory (world, client) is made of what its connectors.System
// says without talking to anyone: its schema, its Decode, and, of a connector
// that was made and never used, what it says of moves, links and equal values.
package ruletest
