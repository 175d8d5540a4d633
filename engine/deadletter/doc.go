// Package deadletter keeps what cannot be carried out until a person retries or
// drops it. It holds no contents of a private record, whoever asks it to.
package deadletter
