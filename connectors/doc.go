// Package connectors is the contract that every connected system meets: what
// a record is and how it is named, what a record type looks like, and what a
// connector can be asked to do.
//
// It is plain data and small interfaces. It knows nothing of rules, of the
// engine, of NATS or of any one system; the packages below it (incidentio,
// servicenow, jira) know this package, transport and the frame, never each other.
//
// The frame is what connectors have in common. A connector says how its API
// differs, and leaves the rest to it:
//
//   - transport sends: time-outs, rate, retries of reads, pauses, error classes
//   - oauth gets, keeps and renews the access tokens that it sends with
//   - standardwebhooks checks what systems send that sign by that specification
//   - paging reads a list to its end, and gives up one that has none
//   - polling keeps the cursor of a list of changes
//   - resolve turns rendered values into a system's, and follows look-ups
//   - values converts and compares values, cache keeps what was looked up and reads a
//     list again for what is missing from it, and nearest guesses the name that was
//     meant
//   - advice compares the names that a configuration relies on with the account's
//   - conformance holds a connector to this contract, and to the vendor's own
//     description of its API; its test has the smallest connector that passes
//
// In every connector, files of one name are about one thing: system.go, schema.go,
// client.go, pages.go, decode.go, resolve.go, directory.go, users.go, values.go,
// write.go, transitions.go, poll.go, pollitems.go, comments.go, copies.go, files.go,
// history.go, naming.go, webhook.go, refusal.go, advise.go.
package connectors
