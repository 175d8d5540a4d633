// Package conformance holds every connector, together with its simulator, to
// what the engine relies on: that a record is created once under each fault,
// that a write can be read, that errors have the right class, that a system
// which asks for a pause has it, and that secrets are seen nowhere. It knows no
// system by name.
package conformance
