package rules

import "testing"

// TestNoRoutes: a configuration that keeps nothing in step says so.
func TestNoRoutes(t *testing.T) {
	set, found := loadDir(t, write(t, "b.hcl", "locals {}\n", "a.hcl", connectorBlocks))
	if set == nil || len(found) != 1 || found[0].Severity != SeverityWarning || found[0].Summary != "no routes: nothing is kept in step" || found[0].Line != 1 {
		t.Errorf("got %s", textOf(found))
	}
}
