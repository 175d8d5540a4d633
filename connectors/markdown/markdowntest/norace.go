//go:build !race

package markdowntest

const raced = false
