// Package journal keeps what was decided and written, with what it was decided
// by. Contents of a private record never stay in it, whoever journals them and
// whenever the record turned private.
package journal
