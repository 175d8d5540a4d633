// Package connectors is the contract that every connected system meets: what
// a record is and how it is named, what a record type looks like, and what a
// connector can be asked to do.
//
// It is plain data and small interfaces. It knows nothing of rules, of the
// engine, of NATS or of any one system; the packages below it (incidentio,
// servicenow, jira) know this package and transport, never each other.
package connectors
