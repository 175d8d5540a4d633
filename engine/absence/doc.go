// Package absence judges whether a linked record that reads as not found has
// been deleted. What is seen through a filter is no proof: a key of another
// account, a lost scope, a proxy or a moved project make records of living
// incidents read as not found, many of them at once (rule 8.1).
//
// It knows links and breakers, and decides nothing about any one link: it says
// what is known, and engine/plan goes by it.
package absence
