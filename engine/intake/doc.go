// Package intake brings in what may have changed: it turns what webhooks and polls
// tell into hints, and keeps, in the store, how far each route and each poll has
// come, for all daemons that share it. What is lost of that is found again from
// older cursors, and named.
package intake
