// Package examples embeds the example configurations, so that the binary can
// show them without their files. It knows nothing but file names.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed incidentio-servicenow engineering-to-jira-security-to-servicenow
//go:embed all:starter
var files embed.FS

// IncidentioServiceNow is the configuration that opens ServiceNow tickets for
// incident.io incidents.
func IncidentioServiceNow() (fs.FS, error) {
	return fs.Sub(files, "incidentio-servicenow")
}

// Routing is the configuration that opens Jira issues for engineering's
// incidents and ServiceNow tickets for security's.
func Routing() (fs.FS, error) {
	return fs.Sub(files, "engineering-to-jira-security-to-servicenow")
}

// Starter is what lockstep init writes: a first configuration with its tests,
// its CI workflows and a hook. What it names .githooks/* is to be executable,
// which an embedded file cannot say.
func Starter() (fs.FS, error) {
	return fs.Sub(files, "starter")
}
