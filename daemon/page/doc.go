// Package page is the operator's page: what a person sees of a running daemon in a
// browser, and may do about it there. It works without JavaScript and is live with it.
//
// It asks the same questions as the admin API, of the same engine, by the same names,
// and so shows nothing of a private record that the API would not. It may not know the
// store, the connectors or the configuration's files.
package page
