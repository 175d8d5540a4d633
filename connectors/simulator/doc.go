// Package simulator is what all simulated systems have in common: an endpoint
// that is served over a listener or in memory, that tells who calls, keeps the requests
// it got, compares what queries ask for, and fails in the ways tests ask for.
//
// A simulator of one system embeds an Endpoint and gives it a System: how that
// vendor carries out a call and how its refusals look. This package knows no
// system by name, nothing of any client, and nothing of what answers mean
// beyond their status.
package simulator
