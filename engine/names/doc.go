// Package names finds what people mean by the names that they type: INC-12,
// INC0010001, ENG-7, the address of a page, a ref, an id, the beginning of the id
// of a link or a dead letter.
//
// What is stored is looked through first, then the systems are asked. It is the one
// place that does so, and the one that says what a record may be called: a private
// record is its ref alone, unless a route takes those.
package names
