// Package daemon is the process: it loads the configuration and reloads it,
// owns the data directory and the embedded server, listens for webhooks and
// for people, and starts and stops everything in order.
//
// It knows nothing of any one system and nothing of how records are kept in
// step. It sees no signal and never exits: Run can be embedded in a test.
package daemon
