// Package admin is what operators ask a running daemon: the API on its admin
// address, the page for people, and the client that the command line uses.
//
// It knows the engine by what operators may ask of it, and nothing of how the
// daemon runs: who makes an API hands over how to ask for the status and for a
// reload.
package admin
