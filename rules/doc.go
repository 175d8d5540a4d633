// Package rules is lockstep's configuration language: HCL files with CEL
// expressions in their strings go in, an immutable set of rules comes out that
// decides what should become of a record.
//
// HCL is evaluated when the configuration is loaded, CEL when a record is
// decided. Everything that can be checked is checked at loading, against the
// connectors' schemas, and what is wrong is reported as diagnostics with their
// places in the files.
//
// Loading reads the files of one directory and what file() names. Apart from
// that the package does no I/O: it knows no clock, no network and no
// goroutines, and of connected systems only the contract in package
// connectors.
package rules
