// Package rules is lockstep's configuration language: HCL files with CEL
// expressions in their strings go in, an immutable set of rules comes out that
// decides what should become of a record.
//
// HCL is evaluated when the configuration is loaded, CEL when a record is
// decided. Everything that can be checked is checked at loading, against the
// connectors' schemas, and what is wrong is reported as diagnostics with their
// positions in the files.
//
// # Stages
//
// A load goes through stages, as a compiler does. Each works on what the one before
// has made, and goes on after a mistake, so that one run shows all of them. The
// files are named after their stages.
//
//   - parse (parser, reader; package source): files are read, bounded and parsed;
//     what is left is blocks by their type.
//   - resolve (resolver): variables get their values, locals are evaluated, each
//     before those that use it. The evaluator that comes of it evaluates the HCL of
//     the next stage, within the budget of a load (package budget).
//   - declare (connectorReader, tableReader, templateReader, bodyReader, routeReader,
//     daemonBlock): blocks become plain data, a declaration: the connectors and with
//     them the record types, state tables, templates with what they inherit, routes.
//     The decoders read attributes as Go values.
//   - typecheck (checker, compiler, writer, tableChecker; package expr): the CEL of a
//     template is compiled for the source of each route that lists it, and what it
//     writes is checked against the schemas of both sides. A model comes of it.
//   - prove (functions over the model): what is to hold of the configuration as a
//     whole: each template can be reached, no mappings feed each other in a cycle
//     (package cycles), no two tickets write one field, nothing is unused.
//
// All stages share a progress: the findings so far, and whether the load goes on.
// Where there are no errors, assemble makes a Set of the declaration and the model,
// whose routers evaluate the compiled templates.
//
// Loading reads the files of one directory and what file() names. Apart from
// that the package does no I/O: it knows no clock, no network and no
// goroutines, and of connected systems only the contract in package
// connectors.
package rules
