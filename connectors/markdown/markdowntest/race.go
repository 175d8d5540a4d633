//go:build race

package markdowntest

// raced: the race detector empties pools at random, so that what is allocated
// says nothing.
const raced = true
