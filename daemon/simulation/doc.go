// Package simulation runs the whole of lockstep on simulated time: the engine
// on the real embedded JetStream, the real connectors, and in memory the
// systems they talk to, while people edit both sides, answers are lost,
// webhooks come twice or never, and daemons stall and die. What must hold in
// the end is asserted; how it comes about is not.
//
// Everything random comes of a seed. The times at which goroutines run do not,
// so that a seed that failed may have to be run several times:
//
//	go test -race ./daemon/simulation -run TestSeed -seed 42 -count 10
//
// It has nothing but tests.
package simulation
