// Package expr compiles and evaluates the CEL expressions that stand in
// strings of HCL files: conditions, and texts with {{ … }} parts. Mistakes are
// reported at their place in the file, inside the string, and so are failed
// evaluations.
//
// Expressions are typed from the connectors' schemas, so that a misspelled
// field is found when the configuration is loaded. At run time what a record
// does not have is null, and so is every field of null.
//
// The package knows HCL positions, CEL, and the connectors' types and records.
// It knows nothing of blocks, routes or templates of a configuration. It reads
// no clock and does no I/O.
package expr
