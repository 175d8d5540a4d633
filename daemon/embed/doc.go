// Package embed brings the daemon its NATS connection: a server inside this
// process with its files in one directory, which a lock keeps to one process,
// or a cluster somewhere else.
//
// It knows NATS and the file system; what is stored there is the business of
// engine/jetstream.
package embed
