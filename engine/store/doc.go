// Package store is what the engine keeps its documents, hints, schedules and
// journal in: the interfaces, the clock that goes with them, and what a store
// found missing or unreadable. It knows no document's contents and no way of
// storing: engine/jetstream and engine/memory implement it, engine/storetest
// holds them to it.
package store
