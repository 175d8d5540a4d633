// Package links keeps what two records last agreed on: the link document with
// its digests, agreements, intents and refusals, and the repository that reads
// and writes it with compare-and-set (section 2 of the protocol). It decides
// nothing.
package links
