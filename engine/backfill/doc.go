// Package backfill brings in what was there before: it has every record of the routes'
// sources decided as if it had just changed, behind all that happens meanwhile.
//
// A job is stored with the list of its records, so that it goes on where it ended after
// a kill, on whichever daemon. It may know the systems' lists of changes and the queue of
// reconciles; what becomes of a record is the business of reconcile alone.
package backfill
